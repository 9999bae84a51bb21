internal import OrderedCollections
internal import OunceCore

/// How a conversation becomes a text: one template, or several with names, byte for byte.
enum ChatTemplate: Sendable {
  case one(String)
  case named([(name: String, template: String)])

  /// The template of the folder. tokenizer_config.json wins over the files beside it.
  static func load(_ model: Model, _ settings: JSON?) throws(OunceError) -> ChatTemplate? {
    if let members = settings?.object, let value = members["chat_template"] { return decode(value) }
    if let file = model.companions["chat_template.jinja"] {
      let text = try content(file)
      var named = [(name: "default", template: text)]
      let folder = "additional_chat_templates/"
      for name in model.companions.keys.sorted() where name.hasPrefix(folder) && name.hasSuffix(".jinja") {
        guard let file = model.companions[name] else { continue }
        named.append((String(name.dropFirst(folder.count).dropLast(6)), try content(file)))
      }
      return named.count == 1 ? .one(text) : .named(named)
    }
    if let json = try model.json("chat_template.json")?["chat_template"] { return decode(json) }
    return nil
  }

  /// The template of one file; nil when the folder lacks it.
  static func file(_ model: Model, _ name: String) throws(OunceError) -> String? {
    guard let file = model.companions[name] else { return nil }
    return try content(file)
  }

  private static func decode(_ value: JSON) -> ChatTemplate? {
    if let text = value.string { return .one(text) }
    guard let entries = value.array else { return nil }
    return .named(
      entries.compactMap { entry in
        entry["template"]?.string.map { (entry["name"]?.string ?? "", $0) }
      })
  }

  /// Python reads text files with universal line ends.
  private static func content(_ file: InputFile) throws(OunceError) -> String {
    let text = String(decoding: try file.wholeContent(atMost: Limits.metadataStringByteCount), as: UTF8.self)
    return text.replacing("\r\n", with: "\n").replacing("\r", with: "\n")
  }

  func write(to writer: inout MetadataWriter) {
    switch self {
    case .one(let template): writer.set("tokenizer.chat_template", .string(template))
    case .named(let templates):
      var names = OrderedSet<String>()
      var standard: String?
      for (name, template) in templates {
        let safe = String(name.map { $0.isASCII && ($0.isLetter || $0.isNumber) ? $0 : "_" })
        if safe == "default" {
          standard = template
        } else if !safe.isEmpty {
          names.append(safe)
          writer.set("tokenizer.chat_template.\(safe)", .string(template))
        }
      }
      if !names.isEmpty { writer.set("tokenizer.chat_templates", .strings(names)) }
      if let standard { writer.set("tokenizer.chat_template", .string(standard)) }
    }
  }
}
