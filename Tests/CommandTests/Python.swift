import Foundation
import OunceKit

/// Python with the packages that `Scripts/validate` needs; `Scripts/setup --tests` installs them on Linux.
enum Python {
  /// nil, which is said once: there is none.
  static let path: String? = {
    for path in ["python3", "/usr/bin/python3"] {
      let found = try? Program(path: "/usr/bin/env").run(path, "-c", "import jsonschema, yaml")
      if found?.exit == 0 { return path }
    }
    print("skipped: no Python with jsonschema and yaml, so nothing is held against schemas")
    return nil
  }()

  /// Runs `Scripts/validate`; nil where there is no Python.
  static func validate(_ arguments: [String]) throws -> Program.Result? {
    guard let path else { return nil }
    let script = Program.root.appending(path: "Scripts/validate").path
    return try Program(path: "/usr/bin/env").run([path, script] + arguments)
  }

  /// A YAML file of the repository; nil where there is no Python.
  static func yaml(_ name: String) throws -> JSON? {
    guard let result = try validate(["--yaml", Program.root.appending(path: name).path]) else { return nil }
    return try JSONParser.parse(Array(result.output.utf8))
  }
}
