#if canImport(Glibc)
  internal import Glibc
#elseif canImport(Musl)
  internal import Musl
#elseif canImport(Darwin)
  internal import Darwin
#endif
internal import Synchronization

/// Threads that block: the pipeline reads, computes and writes on each, so none of Swift's cooperative ones may be
/// used.
public enum Threads {
  /// Processors that this process may use.
  public static var processorCount: Int { max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN))) }

  /// What the limit of the address space (`ulimit -v`) leaves to this process; nil: there is none.
  public static var addressSpaceLeft: Int? { System.addressSpaceLeft }
  /// Address space that a thread takes beside its buffers.
  public static let stackByteCount = 9 << 20

  /// Runs `body(0)` … `body(count - 1)`, each on a thread of its own, and returns when all have ended.
  ///
  /// The calling thread does none of the work: it calls `tick` about ten times a second, and once at the end.
  public static func run(_ count: Int, tick: () -> Void, body: @Sendable (Int) -> Void) {
    let running = Atomic(count)
    let ended = Pipe()
    withoutActuallyEscaping(body) { body in
      var threads: [Handle] = []
      for index in 0..<count {
        let thread = start {
          body(index)
          if running.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { ended.signal() }
        }
        // A machine that refuses another thread gets the work done on those it gave, or on this one.
        guard let thread else {
          body(index)
          if running.subtract(1, ordering: .acquiringAndReleasing).newValue == 0 { ended.signal() }
          continue
        }
        threads.append(thread)
      }
      while !ended.wait(milliseconds: 100, until: { running.load(ordering: .acquiring) == 0 }) { tick() }
      for thread in threads { thread.join() }
    }
    tick()
  }

  /// A thread that was started.
  @safe private struct Handle {
    let thread: pthread_t
    func join() {
      #if canImport(Darwin)
        unsafe pthread_join(thread, nil)
      #else
        pthread_join(thread, nil)
      #endif
    }
  }

  private final class Work: Sendable {
    let body: @Sendable () -> Void
    init(_ body: @escaping @Sendable () -> Void) { self.body = body }
  }

  private static func start(_ body: @escaping @Sendable () -> Void) -> Handle? {
    let work = unsafe Unmanaged.passRetained(Work(body))
    #if canImport(Darwin)
      var thread: pthread_t?
      let status = unsafe pthread_create(
        &thread, nil,
        { argument in
          unsafe Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body()
          return nil
        }, work.toOpaque())
      if status == 0, let thread = unsafe thread { return unsafe Handle(thread: thread) }
    #else
      var thread = pthread_t()
      let status = unsafe pthread_create(
        &thread, nil,
        { argument in
          if let argument = unsafe argument { unsafe Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
          return nil
        }, work.toOpaque())
      if status == 0 { return Handle(thread: thread) }
    #endif
    unsafe work.release()
    return nil
  }
}

/// One bit that a thread can wait for with a limit in time, which POSIX semaphores cannot do everywhere.
private final class Pipe: Sendable {
  private let reading: CInt
  private let writing: CInt

  init() {
    var ends: [CInt] = [-1, -1]
    if unsafe pipe(&ends) != 0 { ends = [-1, -1] }
    reading = ends[0]
    writing = ends[1]
  }

  deinit {
    guard reading >= 0 else { return }
    close(reading)
    close(writing)
  }

  func signal() {
    var byte: UInt8 = 1
    _ = unsafe write(writing, &byte, 1)
  }

  /// Whether `signal` was called, waiting for it at most so long. A process that may have no more descriptors asks
  /// `condition` now and then instead.
  func wait(milliseconds: CInt, until condition: () -> Bool) -> Bool {
    guard reading >= 0 else {
      for _ in 0..<milliseconds {
        if condition() { return true }
        usleep(1000)
      }
      return condition()
    }
    var request = pollfd(fd: reading, events: Int16(POLLIN), revents: 0)
    return unsafe poll(&request, 1, milliseconds) > 0
  }
}
