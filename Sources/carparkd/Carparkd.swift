@main struct Carparkd { static func main() {} }
