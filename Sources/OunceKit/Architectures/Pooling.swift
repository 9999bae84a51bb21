internal import OunceCore

/// How an embedding model makes one vector of many, as sentence-transformers' files say.
extension MetadataRule {
  static let pooling: [MetadataRule] = [
    .value("{arch}.pooling_type") { (checkpoint) throws(OunceError) in
      guard let modules = try checkpoint.model.json("modules.json")?.array else { return nil }
      let module = modules.first { $0["type"]?.string?.hasSuffix("Pooling") ?? false }
      guard let path = module?["path"]?.string else { return nil }
      guard let settings = try checkpoint.model.json(path.isEmpty ? "config.json" : path + "/config.json") else {
        throw OunceError(
          .notFound, "modules.json names \(path)/config.json, which is missing", file: checkpoint.model.path,
          remedy: "download all files of the model, folders included")
      }
      return .uint32(try type(settings))
    },
    .value("{arch}.classifier.pooling_type") { (checkpoint) throws(OunceError) in
      guard let mode = checkpoint.configuration["classifier_pooling"]?.string else { return nil }
      guard let number = ["mean": 1, "cls": 2][mode] else { throw unknown(mode) }
      return .uint32(UInt32(number))
    },
  ]

  /// GGUF's number of the mode.
  private static func type(_ settings: JSON) throws(OunceError) -> UInt32 {
    func isOn(_ name: String) -> Bool { settings["pooling_mode_\(name)"]?.bool ?? false }
    if isOn("mean_tokens") { return 1 }
    if isOn("cls_token") { return 2 }
    if isOn("lasttoken") { return 3 }
    let mode = settings["pooling_mode"]?.string ?? "none of mean, cls and last token"
    guard let number = ["mean": 1, "cls": 2, "lasttoken": 3][mode] else { throw unknown(mode) }
    return UInt32(number)
  }

  private static func unknown(_ mode: String) -> OunceError {
    OunceError(
      .unsupported, "the pooling mode \"\(mode)\" has no place in GGUF",
      remedy: "mean, cls and last-token pooling can be converted")
  }
}
