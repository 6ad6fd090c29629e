import Glibc

/// The whole number in a variable of the environment, or this one where there is none.
public func environmentNumber(_ name: String, otherwise number: Int) -> Int {
    guard let text = unsafe getenv(name) else { return number }
    return unsafe Int(String(cString: text)) ?? number
}
