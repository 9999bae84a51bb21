internal import OunceCore

/// Every family that can be translated. One line per family; the order is the order of `ounce formats --architectures`.
public enum Architectures {
  public static let all: [Architecture] = [
    .llama,
    .qwen2,
    .qwen3,
    .bert,
  ]

  /// The family of a class that `config.json` names.
  static func named(_ className: String) -> Architecture? {
    all.first { $0.huggingFaceNames.contains(className) }
  }

  /// An error that says which class is not known and which names are near.
  static func unknown(_ className: String) -> OunceError {
    let near = NearNames.find(className, among: all.flatMap(\.huggingFaceNames))
    let known = near.isEmpty ? "" : "near names that are: \(near.joined(separator: ", ")); "
    return OunceError(
      .unsupported, "the architecture \"\(className)\" is not known", file: "config.json",
      remedy: known + "tensors can still be converted 1:1 under their own names with --no-map")
  }
}
