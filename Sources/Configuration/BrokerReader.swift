/// Reads the brokers: their addresses, our name there, and how we prove it.
struct BrokerReader {
    func brokers(_ element: Element?) -> [Configuration.Broker]? {
        guard let items = element?.items() else { return nil }
        var brokers: [Configuration.Broker] = []
        var names: [String: String] = [:]
        var sessions: [Session: String] = [:]
        for item in items {
            guard let keys = item.keys() else { continue }
            let nameElement = keys.take("name")
            let identifierElement = keys.take("client_id")
            let broker = broker(
                keys,
                nameElement: nameElement,
                identifierElement: identifierElement
            )
            keys.finish()
            guard let broker else { continue }
            if let other = names.updateValue(item.path, forKey: broker.name) {
                (nameElement ?? item).complain(
                    "\(other) has the name \(quoted(broker.name)) already; give each broker its own"
                )
            }
            for url in broker.urls {
                let session = Session(url: url, clientIdentifier: broker.clientIdentifier)
                let other = sessions.updateValue(item.path, forKey: session)
                if let other, other != item.path {
                    (identifierElement ?? item).complain(
                        "\(other) is client \(quoted(broker.clientIdentifier)) at \(url) already: "
                            + "the two would throw each other out"
                    )
                    break
                }
            }
            brokers.append(broker)
        }
        return brokers.count == items.count ? brokers : nil
    }

    /// What a broker knows us by.
    private struct Session: Hashable {
        let url: Configuration.BrokerURL
        let clientIdentifier: String
    }

    private func broker(
        _ keys: NodeReader,
        nameElement: Element?,
        identifierElement: Element?
    ) -> Configuration.Broker? {
        let urlElements = keys.require("urls", "the broker's addresses, such as mqtt://host:1883")?
            .items()
        let urls = urlElements?.compactMap(url)
        let identifier = identifierElement.or("carparkd", clientIdentifier)
        let usernameElement = keys.take("username")
        let username = usernameElement?.nonEmptyText(maximumBytes: 65_535)
        let passwordElement = keys.take("password")
        let password = passwordElement.flatMap { secret($0, inPlace: "the password") }
        if let passwordElement, usernameElement == nil {
            passwordElement.complain("a password needs a username beside it")
        }
        let tls = keys.take("tls").flatMap(tls)
        let keepAlive = keys.take("keep_alive").or(.seconds(30)) {
            $0.duration(in: .seconds(5)...(.seconds(65_535)), whole: .seconds(1))
        }
        let expiry = keys.take("session_expiry").or(.seconds(7 * 86_400)) {
            $0.duration(in: .seconds(1)...(.seconds(4_294_967_295)), whole: .seconds(1))
        }
        let receiveMaximum = keys.take("receive_maximum").or(1000) { $0.integer(in: 1...32_767) }
        if let urlElements, let urls { checkURLs(urls, urlElements) }
        let name = nameElement.or(urls?.first?.host) { $0.nonEmptyText(maximumBytes: 128) }
        guard let urls, urls.count == urlElements?.count, let name = name ?? nil, let identifier,
            let keepAlive, let expiry, let receiveMaximum
        else { return nil }
        return Configuration.Broker(
            name: name,
            urls: urls,
            clientIdentifier: identifier,
            username: username,
            password: password,
            tls: tls,
            keepAlive: keepAlive,
            sessionExpiry: expiry,
            receiveMaximum: receiveMaximum
        )
    }

    /// Complains about addresses that stand twice, and about clear text as a way around TLS.
    private func checkURLs(_ urls: [Configuration.BrokerURL], _ elements: [Element]) {
        guard urls.count == elements.count else { return }
        let isEncrypted = urls.contains { $0.scheme == .mqtts }
        for (index, (url, element)) in zip(urls, elements).enumerated() {
            if let first = urls.firstIndex(of: url), first < index {
                element.complain("the same address as urls[\(first)]; remove it")
            }
            if isEncrypted, url.scheme == .mqtt {
                element.complain(
                    "mqtt is not encrypted, but another address is: whoever blocks that one would "
                        + "read everything; use mqtts for all or for none"
                )
            }
        }
    }

    private func clientIdentifier(_ element: Element) -> String? {
        guard let text = element.nonEmptyText(maximumBytes: 128) else { return nil }
        let isAllowed = text.unicodeScalars.allSatisfy { scalar in
            !scalar.properties.isWhitespace && !"/+#".unicodeScalars.contains(scalar)
        }
        guard isAllowed else {
            element.complain(
                "must not hold a space, '/', '+' or '#': it is a level of the topic of our status"
            )
            return nil
        }
        return text
    }

    private func url(_ element: Element) -> Configuration.BrokerURL? {
        guard let text = element.nonEmptyText(maximumBytes: 1024) else { return nil }
        // The text is not quoted before it is known to hold no password.
        guard !text.contains("@") else {
            element.complain("must hold no user and no password; use 'username' and 'password'")
            return nil
        }
        guard let colon = text.firstRange(of: "://"),
            let scheme = Configuration.BrokerURL.Scheme(rawValue: String(text[..<colon.lowerBound]))
        else {
            element.complain("must begin with mqtt:// or mqtts://, not \(quoted(text))")
            return nil
        }
        var rest = text[colon.upperBound...]
        if rest.last == "/" { rest.removeLast() }
        guard let (host, portText) = hostAndPort(rest) else {
            element.complain(
                "must be \(scheme.rawValue)://HOST or \(scheme.rawValue)://HOST:PORT, "
                    + "not \(quoted(text))"
            )
            return nil
        }
        let standard = scheme == .mqtt ? 1883 : 8883
        let port = portText.map { WholeNumber.value($0) } ?? standard
        guard let port, (1...65_535).contains(port) else {
            element.complain("the port must be a number from 1 to 65535")
            return nil
        }
        return Configuration.BrokerURL(scheme: scheme, host: host, port: port)
    }

    /// The two parts of an authority; an IPv6 address stands in brackets.
    private func hostAndPort(_ text: Substring) -> (host: String, port: Substring?)? {
        let host: Substring
        let rest: Substring
        if text.first == "[" {
            guard let end = text.firstIndex(of: "]") else { return nil }
            host = text[text.index(after: text.startIndex)..<end]
            rest = text[text.index(after: end)...]
            let isAddress =
                host.utf8.contains(UInt8(ascii: ":"))
                && host.utf8.allSatisfy { byte in
                    byte == UInt8(ascii: ":") || byte == UInt8(ascii: ".") || isHexadecimal(byte)
                }
            guard isAddress else { return nil }
        } else {
            host = text.prefix { $0 != ":" }
            rest = text[host.endIndex...]
            let isName = host.utf8.allSatisfy { byte in
                isAlphanumeric(byte) || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
                    || byte == UInt8(ascii: "_")
            }
            guard isName, (1...253).contains(host.utf8.count) else { return nil }
        }
        if rest.isEmpty { return (String(host), nil) }
        guard rest.first == ":" else { return nil }
        return (String(host), rest.dropFirst())
    }

    private func tls(_ element: Element) -> Configuration.TLS? {
        guard let keys = element.keys() else { return nil }
        let ca = keys.take("ca").flatMap { secret($0, inPlace: "the certificate") }
        let certificateElement = keys.take("certificate")
        let keyElement = keys.take("key")
        let certificate = certificateElement.flatMap { secret($0, inPlace: "the certificate") }
        let key = keyElement.flatMap { secret($0, inPlace: "the private key") }
        if let certificateElement, keyElement == nil {
            certificateElement.complain("a certificate of ours needs its 'key' beside it")
        }
        if let keyElement, certificateElement == nil {
            keyElement.complain("a key needs its 'certificate' beside it")
        }
        keys.finish()
        return Configuration.TLS(ca: ca, certificate: certificate, key: key)
    }

    /// Reads the name of a secret; what might be the secret itself is never repeated.
    private func secret(_ element: Element, inPlace subject: String) -> Configuration.Secret? {
        guard element.isMapping, let keys = element.keys() else {
            element.complain(
                "must be {credential: NAME} or {file: PATH}; \(subject) itself never stands here"
            )
            return nil
        }
        let credential = keys.take("credential")
        let file = keys.take("file")
        defer { keys.finish() }
        switch (credential, file) {
        case (let credential?, nil):
            guard let name = credential.text() else { return nil }
            let isName =
                !name.isEmpty && name != "." && name != ".."
                && name.utf8.allSatisfy { byte in
                    isAlphanumeric(byte) || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "_")
                        || byte == UInt8(ascii: "-")
                }
            guard isName, name.utf8.count <= 255 else {
                credential.complain(
                    "must be the name of a credential: letters, digits, '.', '_' and '-'"
                )
                return nil
            }
            return .credential(name)
        case (nil, let file?):
            return file.absolutePath().map { .file($0) }
        case (nil, nil):
            element.complain("must be {credential: NAME} or {file: PATH}")
        case (_?, _?):
            element.complain("must be either {credential: NAME} or {file: PATH}, not both")
        }
        return nil
    }
}

private func isAlphanumeric(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
    default: false
    }
}

private func isHexadecimal(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "f"), UInt8(ascii: "A")...UInt8(ascii: "F"),
        UInt8(ascii: "0")...UInt8(ascii: "9"):
        true
    default: false
    }
}
