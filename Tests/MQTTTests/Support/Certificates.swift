import TestSupport
import Testing

/// Authorities, certificates and keys for the tests of TLS, made with the openssl command.
final class Certificates {
    let directory: ScratchDirectory

    init() throws {
        directory = ScratchDirectory()
        for authority in ["authority", "stranger"] {
            try request(authority, "/CN=\(authority)", ["-x509", "-days", "2"], to: "pem")
        }
        directory.write("", to: "index.txt")
        directory.write(
            """
            [ca]
            default_ca = authority
            [authority]
            database = \(directory.path)/index.txt
            new_certs_dir = \(directory.path)
            serial = \(directory.path)/serial
            rand_serial = yes
            certificate = \(file("authority.pem"))
            private_key = \(file("authority.key"))
            default_md = sha256
            policy = any
            copy_extensions = copy
            unique_subject = no
            [any]
            commonName = supplied
            """,
            to: "ca.cnf"
        )
    }

    /// The path of a file.
    func file(_ name: String) -> String { directory.path + "/" + name }

    /// Makes `<name>.key` and `<name>.pem`, signed by the authority.
    func issue(
        _ name: String,
        for subject: String = "DNS:localhost,IP:127.0.0.1",
        from: String = "20200101000000Z",
        until: String = "20900101000000Z"
    ) throws {
        let names = ["-addext", "subjectAltName=\(subject)"]
        try request(name, "/CN=\(name)", names, to: "csr")
        try run(
            ["openssl", "ca", "-batch", "-config", file("ca.cnf"), "-notext"]
                + ["-startdate", from, "-enddate", until]
                + ["-in", file("\(name).csr"), "-out", file("\(name).pem")]
        )
    }

    /// Makes `<name>.key` and `<name>.pem`, signed by nobody else.
    func issueSelfSigned(_ name: String) throws {
        let more = ["-x509", "-days", "2", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        try request(name, "/CN=\(name)", more, to: "pem")
    }

    private func request(
        _ name: String,
        _ subject: String,
        _ more: [String],
        to form: String
    ) throws {
        try run(
            ["openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]
                + ["-keyout", file("\(name).key"), "-out", file("\(name).\(form)")]
                + ["-subj", subject] + more
        )
    }

    /// The lines of a mosquitto's configuration that make it speak TLS with a certificate.
    func broker(_ name: String, more: [String] = []) -> [String] {
        [
            "allow_anonymous true", "certfile \(file("\(name).pem"))",
            "keyfile \(file("\(name).key"))",
        ]
            + more
    }
}
