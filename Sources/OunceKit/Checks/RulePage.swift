extension Rules {
  /// docs/check-rules.md: every rule as it describes itself.
  public static var page: String {
    var text = """
      # Check rules

      What `ounce check` looks for. Made from the rules themselves (`Sources/OunceKit/Checks`); a test keeps it true.
      `--level` takes the rules of its level and of those before it: quick reads headers, full every byte, deep what the
      model means. Rules from OUN401 on need `--against`, the source that the model was made of
      ([lineage.md](lineage.md)).

      | rule | name | severity | level |
      |---|---|---|---|

      """
    for rule in all {
      text +=
        "| [\(rule.id)](#\(rule.id.lowercased())) | \(rule.name) | "
        + "\(rule.severity.rawValue) | \(rule.level.rawValue) |\n"
    }
    for rule in all {
      text += """

        ## \(rule.id)

        **\(rule.name)**. Proves: \(rule.proves)

        > \(rule.example)

        What to do: \(rule.fix).

        """
    }
    return text
  }
}
