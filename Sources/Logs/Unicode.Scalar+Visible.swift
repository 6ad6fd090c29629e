extension Unicode.Scalar {
    /// Whether a person sees it where it is printed: it steers no terminal, and does not turn the direction of reading.
    ///
    /// Source: Unicode, general categories; "format" holds the bidirectional controls, U+200B and the byte order mark.
    public var isVisible: Bool {
        if isASCII { return value >= 0x20 && value != 0x7F }
        switch properties.generalCategory {
        case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate,
            .unassigned:
            return false
        default:
            return true
        }
    }
}
