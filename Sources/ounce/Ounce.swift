import OunceKit

@main
struct Ounce {
  static func main() { print(Encodings.level) }
}
