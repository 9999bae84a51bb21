internal import OrderedCollections

/// The members of a JSON object in the order of the document. Keys are compared by their bytes.
public struct JSONObject: Sendable, Equatable {
  private var members: OrderedDictionary<ExactString, JSON> = [:]

  public init() {}

  public var count: Int { members.count }
  public var isEmpty: Bool { members.isEmpty }
  /// The keys in the order of the document.
  public var keys: [String] { members.keys.map(\.string) }
  /// The values in the order of the document.
  public var values: [JSON] { Array(members.values) }

  public subscript(key: String) -> JSON? {
    get { members[ExactString(key)] }
    set { members[ExactString(key)] = newValue }
  }

  /// Sets a member and returns what it was before.
  @discardableResult public mutating func updateValue(_ value: JSON, forKey key: String) -> JSON? {
    members.updateValue(value, forKey: ExactString(key))
  }

  @discardableResult public mutating func removeValue(forKey key: String) -> JSON? {
    members.removeValue(forKey: ExactString(key))
  }
}

extension JSONObject: Sequence {
  public struct Iterator: IteratorProtocol {
    private let object: JSONObject
    private var index = 0

    fileprivate init(_ object: JSONObject) { self.object = object }

    public mutating func next() -> (key: String, value: JSON)? {
      guard index < object.members.count else { return nil }
      defer { index += 1 }
      let (key, value) = object.members.elements[index]
      return (key.string, value)
    }
  }

  public func makeIterator() -> Iterator { Iterator(self) }
  public var underestimatedCount: Int { count }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
  public init(dictionaryLiteral elements: (String, JSON)...) {
    for (key, value) in elements { self[key] = value }
  }
}
