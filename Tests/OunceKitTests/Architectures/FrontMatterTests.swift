@testable import OunceKit
import Testing

/// The head of model cards, as people write it.
struct FrontMatterTests {
  @Test func `lists, mappings and texts are read`() {
    let card = """
      ---
      license: apache-2.0
      language:
      - en
      - no
      tags: [a, "b c", 'd']
      base_model:
        - org/Model-7B
      description: >-
        two
        lines
      version: 1.0
      empty:
      model-index:
      - name: x
        results:
        - task: {type: text, name: "y"}
      "quoted key": yes
      ---
      # Title: with a colon
      """
    let matter = FrontMatter.parse(card)
    #expect(matter["license"]?.string == "apache-2.0")
    #expect(matter["language"]?.array?.compactMap(\.string) == ["en", "no"])
    #expect(matter["tags"]?.array?.compactMap(\.string) == ["a", "b c", "d"])
    #expect(matter["base_model"]?.array?.first?.string == "org/Model-7B")
    #expect(matter["description"]?.string == "two lines")
    #expect(matter["version"]?.double == 1)
    #expect(matter["empty"] == JSON.null)
    let task = matter["model-index"]?.array?.first?["results"]?.array?.first?["task"]
    #expect(task?["name"]?.string == "y")
    #expect(matter["quoted key"]?.bool == true)
    #expect(matter["# Title"] == nil)
  }

  @Test func `a card without a head says nothing`() {
    #expect(FrontMatter.parse("# Title\n").isEmpty)
    #expect(FrontMatter.parse("").isEmpty)
  }

  @Test func `deep and broken heads end`() {
    let deep = "---\n" + (0..<200).map { String(repeating: " ", count: $0) + "a:\n" }.joined() + "---\n"
    _ = FrontMatter.parse(deep)
    _ = FrontMatter.parse("---\na: [[[[\nb: \"open\n")
    _ = FrontMatter.parse("---\n- a\n  b\n - c: {x: [}\n")
  }
}
