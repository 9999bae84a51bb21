public import OunceCore

extension Comparison {
  /// `ounce.compare/1`, as docs/schemas/compare.json describes it.
  ///
  /// - Parameters:
  ///   - failures: what `failures` said.
  public func json(
    tensors: [TensorComparison], metrics: [CompareMetric], failures: [CompareFailure]
  ) -> JSON {
    .object([
      "schema": .string("ounce.compare/1"), "version": .string(OunceKit.version), "a": a.json, "b": b.json,
      "overall": overall.json(metrics), "tensors": .array(tensors.map { $0.json(metrics) }),
      "onlyInA": .array(onlyInA.map(\.json)), "onlyInB": .array(onlyInB.map(\.json)),
      "metadata": .array(metadata.map(\.json)), "notes": .array(notes.map(JSON.string)),
      "failures": .array(failures.map(\.json)),
    ])
  }
}

extension Comparison.Subject {
  fileprivate var json: JSON {
    var types: [JSON] = []
    for (dtype, byteCount) in sizes {
      types.append(.object(["dtype": .string(dtype), "byteCount": .integer(byteCount)]))
    }
    return .object([
      "path": .string(path), "container": .string(container), "tensorCount": .integer(tensorCount),
      "byteCount": .integer(byteCount), "translated": .bool(isTranslated), "types": .array(types),
    ])
  }
}

extension TensorDescription {
  fileprivate var json: JSON {
    .object([
      "name": .string(name), "dtype": .string(dtype), "shape": .array(shape.map(JSON.integer)),
      "byteCount": .integer(byteCount),
    ])
  }
}

extension TensorComparison {
  fileprivate func json(_ metrics: [CompareMetric]) -> JSON {
    var document: JSONObject = ["name": .string(name), "a": a.json, "b": b.json, "identical": .bool(isIdentical)]
    if let figures {
      document["figures"] = figures.json(metrics)
    } else {
      document["reason"] = .string(reason ?? "")
    }
    document["worstRows"] = .array(
      worstRows.map { row in
        .object([
          "row": .integer(row.row), "rmse": .double(row.rmse), "relative": .double(row.relativeRMSE),
        ])
      })
    return .object(document)
  }
}

extension ErrorFigures {
  /// Infinity and NaN are texts, since JSON has no numbers for them.
  fileprivate func json(_ metrics: [CompareMetric]) -> JSON {
    var document: JSONObject = [
      "elementCount": .integer(elementCount), "differingCount": .integer(differingCount),
      "nonFiniteCount": .integer(nonFiniteCount),
    ]
    for metric in metrics { document[metric.rawValue] = .double(metric.value(of: self)) }
    return .object(document)
  }
}

extension MetadataDifference {
  fileprivate var json: JSON {
    var document: JSONObject = ["key": .string(key)]
    if let a { document["a"] = .string(a) }
    if let b { document["b"] = .string(b) }
    if let elements {
      document["elements"] = .object(["differingCount": .integer(elements.count), "first": .integer(elements.first)])
    }
    return .object(document)
  }
}

extension CompareFailure {
  fileprivate var json: JSON {
    var document: JSONObject = ["tensor": .string(tensor), "problem": .string(problem)]
    if let metric { document["metric"] = .string(metric.rawValue) }
    if let value { document["value"] = .double(value) }
    return .object(document)
  }
}
