internal import OunceCore

/// Every recipe, from the largest type to the smallest within each family.
public enum Recipes {
  /// The recipes whose encodings this build can write.
  public static let all: [Recipe] = (plainRecipes + legacyRecipes + kRecipes + codebookRecipes + smallFloatRecipes)
    .filter { recipe in recipe.encodings.allSatisfy { Encodings.writable($0) != nil } }

  /// The recipe that people call `name`, in any case; also by its number in GGUF files.
  public static func named(_ name: String) -> Recipe? {
    let name = name.uppercased()
    return all.first { $0.name == name || $0.aliases.contains(name) }
      ?? all.first { $0.fileType.map(String.init) == name }
  }
}
