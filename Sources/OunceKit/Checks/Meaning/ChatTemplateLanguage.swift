internal import OunceCore

/// Chat templates that do not parse, or that reach for what is outside of the template language.
public struct ChatTemplateLanguage: MeaningRule {
  public let id = "OUN305"
  public let name = "chat-template"
  public let severity = Severity.error
  public let level = CheckLevel.deep
  public let proves =
    "The chat template is closed in all its parts and only formats text: it imports and reaches nothing."
  public let example = "model.gguf: tokenizer.chat_template: line 3: reaches for __class__"
  public let fix = "take the template from the model's page; do not load this one where templates are not sandboxed"

  public init() {}

  func check(_ meaning: Meaning) -> [Finding] {
    var templates: [(name: String, text: String)] = []
    for (key, value) in meaning.model?.metadata ?? [:] where key.hasPrefix("tokenizer.chat_template") {
      if key == "tokenizer.chat_templates" { continue }
      if let text = value.string {
        templates.append((key, text))
      } else {
        templates.append((key, ""))
      }
    }
    // A checkpoint that could not be translated still has its template.
    if meaning.model == nil, let settings = try? meaning.source.json("tokenizer_config.json"),
      let template = try? ChatTemplate.load(meaning.source, settings)
    {
      switch template {
      case .one(let text): templates.append(("chat_template", text))
      case .named(let all): templates += all.map { ("chat_template \($0.name)", $0.template) }
      }
    }
    return templates.flatMap { template in
      TemplateScanner.problems(in: template.text).map { problem in
        meaning.finding(self, "line \(problem.line): \(problem.text)", subject: template.name)
      }
    }.capped
  }
}
