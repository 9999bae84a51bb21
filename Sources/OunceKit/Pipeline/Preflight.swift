internal import OunceCore

extension Plan {
  /// Looks, before any work, whether every output can be made.
  ///
  /// - Throws: `OunceError` of kind `.output`: a file exists, is one of the inputs, or there is no room.
  public func checkOutputs(overwrites: Bool) throws(OunceError) {
    for file in files {
      if let input = inputs.first(where: { $0.isSameFile(as: file.path) }) {
        throw OunceError(
          .output, "is the input \(input.path) itself", file: file.path, remedy: "choose another name with -o")
      }
      if Paths.isFolder(file.path) {
        throw OunceError(.output, "is a folder", file: file.path, remedy: "name a file in it with -o")
      }
      if Paths.exists(file.path), !overwrites {
        throw OunceError(
          .output, "exists", file: file.path, remedy: "--force replaces it, -o writes elsewhere")
      }
      let folder = Paths.folder(of: file.path)
      if folder == newFolder, !Paths.exists(folder) { continue }
      guard Paths.isFolder(folder) else {
        throw OunceError(.output, "there is no folder \(folder)", file: file.path, remedy: "make it first")
      }
      guard Paths.canWrite(beside: file.path) else {
        throw OunceError(.output, "the folder \(folder) cannot be written to", file: file.path)
      }
    }
    try checkRoom()
  }

  private func checkRoom() throws(OunceError) {
    guard let first = files.first else { return }
    let place = newFolder.map { Paths.isFolder($0) ? first.path : $0 } ?? first.path
    guard let free = Paths.freeByteCount(beside: place) else { return }
    let needed = outputByteCount
    guard needed <= free else {
      throw OunceError(
        .output, "needs \(needed) bytes, but only \(free) are free", file: first.path,
        remedy: "make room for \(needed - free) bytes more, or choose another disk with -o")
    }
  }
}
