import Glibc
import LinuxSystem
import TestSupport
import Testing

struct CredentialTests {
    let scratch: ScratchDirectory

    init() throws {
        scratch = ScratchDirectory()
    }

    private func environment(_ name: String) -> String? {
        name == "CREDENTIALS_DIRECTORY" ? scratch.path : nil
    }

    @Test(arguments: [
        ("secret", "secret"), ("secret\n", "secret"), ("secret\r\n", "secret"),
        ("secret\n\n", "secret\n"), (" sec ret ", " sec ret "), ("a\nb\n", "a\nb"),
    ])
    func `A secret is read without the line end of its editor`(content: String, secret: String)
        throws
    {
        scratch.write(content, to: "mqtt-password")
        let bytes = try Credential.named("mqtt-password").read(environment: environment)
        #expect(String(decoding: bytes, as: UTF8.self) == secret)
        #expect(try Credential.file("\(scratch.path)/mqtt-password").read() == bytes)
    }

    @Test func `A missing credential says where it was looked for`() {
        #expect(throws: CredentialError.missing(path: "\(scratch.path)/nothing")) {
            try Credential.named("nothing").read(environment: environment)
        }
    }

    @Test func `A credential without its directory names LoadCredential`() {
        let error = #expect(throws: CredentialError.self) {
            try Credential.named("mqtt-password").read(environment: { _ in nil })
        }
        #expect(error == .directoryNotSet(name: "mqtt-password"))
        #expect(error?.description.contains("LoadCredential=mqtt-password:PATH") == true)
    }

    @Test(arguments: ["", ".", "..", "../shadow", "a/b", "a\0b"])
    func `A name that could leave the directory is refused`(name: String) {
        #expect(throws: CredentialError.unusableName(name)) {
            try Credential.named(name).read(environment: environment)
        }
    }

    @Test(arguments: ["", "\n", "\r\n"])
    func `A file without a secret is an error`(content: String) throws {
        scratch.write(content, to: "x")
        #expect(throws: CredentialError.empty(path: "\(scratch.path)/x")) {
            try Credential.named("x").read(environment: environment)
        }
    }

    @Test func `The longest secret is read and a longer one refused`() throws {
        scratch.write(String(repeating: "s", count: Credential.maximumBytes), to: "x")
        let secret = try Credential.named("x").read(environment: environment)
        #expect(secret.count == Credential.maximumBytes)
        scratch.write(String(repeating: "s", count: Credential.maximumBytes + 1), to: "x")
        #expect(throws: CredentialError.tooLarge(path: "\(scratch.path)/x")) {
            try Credential.named("x").read(environment: environment)
        }
    }

    @Test func `A NUL in a secret is refused rather than the secret cut there`() throws {
        scratch.write("sec\0ret", to: "x")
        #expect(throws: CredentialError.containsNUL(path: "\(scratch.path)/x")) {
            try Credential.named("x").read(environment: environment)
        }
    }

    @Test func `A directory in the place of a secret can't be read`() {
        let error = CredentialError.unreadable(path: "/tmp", SystemErrorCode(rawValue: EISDIR))
        #expect(throws: error) { try Credential.file("/tmp").read() }
    }

    @Test func `A FIFO in the place of a secret doesn't hold the start up`() throws {
        try #require(unsafe mkfifo("\(scratch.path)/x", 0o600) == 0)
        #expect(throws: CredentialError.empty(path: "\(scratch.path)/x")) {
            try Credential.named("x").read(environment: environment)
        }
    }
}
