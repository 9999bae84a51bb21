internal import OunceCore

extension Plan {
  /// Looks, before any work, whether every output can be made.
  ///
  /// - Throws: `OunceError` of kind `.output`: a file exists, is one of the inputs, or there is no room.
  public func checkOutputs(overwrites: Bool) throws(OunceError) {
    try checkOutputs(overwrites: overwrites, resumes: false, Leftover(self))
  }

  /// The same, where an earlier run left something: what it finished of a set is this run's to replace.
  func checkOutputs(overwrites: Bool, resumes: Bool, _ leftover: Leftover) throws(OunceError) {
    let finished = resumes || leftover.finishedFiles.count < files.count ? leftover.finishedFiles : []
    for (index, file) in files.enumerated() {
      if let input = inputs.first(where: { $0.isSameFile(as: file.path) }) {
        throw OunceError(
          .output, "is the input \(input.path) itself", file: file.path, remedy: "choose another name with -o")
      }
      if Paths.isFolder(file.path) {
        throw OunceError(.output, "is a folder", file: file.path, remedy: "name a file in it with -o")
      }
      if Paths.exists(file.path), !Paths.isFile(file.path) {
        throw OunceError(
          .output, "is a device or a pipe, which cannot be written by position", file: file.path,
          remedy: "name a file with -o")
      }
      if Paths.exists(file.path), !overwrites, !finished.contains(index) {
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
    try checkRoom(leftover)
  }

  private func checkRoom(_ leftover: Leftover) throws(OunceError) {
    guard let first = files.first, let unused = freeByteCount else { return }
    // What an earlier run left makes room, or is part of this one.
    let free = unused + leftover.partialByteCount
    let block = Paths.blockByteCount(beside: first.path)
    let needed = files.reduce(0) { $0 + ($1.byteCount + block - 1) / block * block }
    guard needed <= free else {
      throw OunceError(
        .output, "needs \(needed) bytes, but only \(free) are free", file: first.path,
        remedy: "make room for \(needed - free) bytes more, or choose another disk with -o")
    }
  }

  /// Bytes that may still be written where the files go.
  private var freeByteCount: Int? {
    guard let first = files.first else { return nil }
    return Paths.freeByteCount(beside: newFolder.map { Paths.isFolder($0) ? first.path : $0 } ?? first.path)
  }

  /// Whether notes may be made beside the files without taking the room from them.
  var hasRoomForJournal: Bool {
    guard let free = freeByteCount else { return true }
    let journal = 2 * Journal.recordByteCount * (firstChunks.last ?? 0) + Journal.usualHeaderByteCount
    return free >= outputByteCount + journal
  }
}
