internal import OunceCore

/// What a model's description says that matters to those who load it with Keras.
enum KerasConfiguration {
  /// The attribute of an HDF5 file that describes the layers as JSON.
  static let key = "model_config"

  /// A `Lambda` layer may hold compiled Python, which Keras runs when it uses the model. Its forms: an object of class
  /// `__lambda__` (Keras 3), and a layer whose `function_type` is `lambda` (before).
  static func remarks(_ text: String) -> [Remark] {
    guard let root = try? JSONParser.parse(Array(text.utf8), options: [.nonFiniteNumbers]) else { return [] }
    var found: [String] = []
    // The parser bounds how deep values are inside each other.
    func search(_ value: JSON, in layer: String) {
      switch value {
      case .array(let values): for value in values { search(value, in: layer) }
      case .object(let members):
        let name = members["config"]?["name"]?.string ?? layer
        let type = members["class_name"]?.string
        if type == "__lambda__" || (type == "Lambda" && members["config"]?["function_type"]?.string == "lambda") {
          found.append(name)
        }
        for value in members.values { search(value, in: name) }
      default: break
      }
    }
    search(root, in: "")
    return found.map { Remark(.danger, subject: "layer \($0)", "holds compiled Python code, which Keras would run") }
  }
}
