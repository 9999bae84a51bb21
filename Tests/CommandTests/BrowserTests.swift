import Foundation
import OunceKit
import Testing

/// The page of a comparison in a browser: Chromium without a window, where there is one.
struct BrowserTests {
  /// nil, which is said: there is none.
  private static let browser: String? = {
    let named = ProcessInfo.processInfo.environment["OUNCE_CHROMIUM"].map { [$0] }
    for name in named ?? ["chromium", "chromium-browser", "google-chrome"] {
      if (try? Program(path: "/usr/bin/env").run(name, "--version"))?.exit == 0 { return name }
    }
    print("skipped: no Chromium (chromium on the path, or OUNCE_CHROMIUM), so pages are not drawn")
    return nil
  }()

  /// What the page says of itself once it is drawn, as attributes of its root.
  private func measured(_ page: String, isDark: Bool, width: Int, _ folder: Program.Folder) throws -> [String: String] {
    let browser = try #require(Self.browser)
    // Before anything of the page runs, and after all of it.
    let before = """
      <script>window.failures=[];addEventListener('error',e=>failures.push(e.message));
      addEventListener('securitypolicyviolation',e=>failures.push(e.violatedDirective))</script>
      """
    let after = """
      <script>
      const root=document.documentElement,say=(name,value)=>{root.dataset[name]=value};
      const boxes=[...document.querySelectorAll('h1,h2,p,dl,figure,.scroll,footer')].map(e=>e.getBoundingClientRect());
      say('wide',Math.round(root.scrollWidth-root.clientWidth));
      say('outside',boxes.filter(b=>b.right>root.clientWidth+1||b.left<0).length);
      say('paper',getComputedStyle(document.body).backgroundColor);
      say('ink',getComputedStyle(document.body).color);
      say('loads',performance.getEntriesByType('resource').length);
      // Colours of what is drawn on the paper, none of which may be the paper's own.
      say('inks',[...new Set([...document.querySelectorAll('svg rect,svg path,svg text')]
      .map(e=>{const s=getComputedStyle(e);return s.fill==='none'?s.stroke:s.fill}))].join(';'));
      const cut=[...document.querySelectorAll('svg')].filter(s=>{
      const v=s.viewBox.baseVal;
      return [...s.querySelectorAll('text,rect,path')].some(e=>{
      const b=e.getBBox();return b.x<-1||b.y<-1||b.x+b.width>v.width+1||b.y+b.height>v.height+1})});
      say('cut',cut.length+cut.map(s=>' '+s.getAttribute('aria-labelledby')).join());
      const table=document.querySelector('table.sort');
      const names=()=>[...table.tBodies[0].rows].map(r=>r.cells[0].textContent);
      const button=table.tHead.rows[0].cells[0].querySelector('button');
      const first=names();button.click();const down=names();button.click();const up=names();
      const sorted=[...first].sort();
      say('sorts',first.length>1&&up.join()===sorted.join()&&down.join()===sorted.reverse().join()
      &&table.tHead.rows[0].cells[0].getAttribute('aria-sort')==='ascending');
      // Text of which each letter has a line of its own.
      const cells=[...document.querySelectorAll('td,th')];
      say('squeezed',cells.filter(c=>c.textContent.length>4&&c.clientWidth<40).length);
      say('failures',failures.join(';'));
      </script>
      """
    let charset = "<meta charset=\"utf-8\"/>"
    let text = try String(contentsOfFile: page, encoding: .utf8)
    #expect(text.components(separatedBy: charset).count == 2 && text.components(separatedBy: "</body>").count == 2)
    let copy = folder.file("measured.html")
    try text.replacing(charset, with: charset + before).replacing("</body>", with: after + "</body>").write(
      toFile: copy, atomically: true, encoding: .utf8)
    let result = try Program(path: "/usr/bin/env").run(
      browser, "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
      "--disable-background-networking", "--disable-component-update", "--disable-sync",
      "--user-data-dir=\(folder.file("profile"))", "--window-size=\(width),900",
      "--blink-settings=preferredColorScheme=\(isDark ? 0 : 1)", "--dump-dom", "file://\(copy)")
    let root = try #require(result.output.firstMatch(of: /<html[^>]*>/)?.output, "\(result.errors)")
    var found: [String: String] = [:]
    for match in root.matches(of: /data-([a-z]+)="([^"]*)"/) {
      found[String(match.output.1)] = String(match.output.2)
    }
    return found
  }

  @Test(.timeLimit(.minutes(5))) func `the page is drawn in light and dark, narrow and wide, and loads nothing`() throws
  {
    guard Self.browser != nil else { return }
    let folder = try Program.Folder()
    let made = try Program(folder: folder.path).run(
      "quantize", Program.checkpoint, "--to", "Q4_K_M", "-o", "q.gguf", "--report", "page.html")
    #expect(made.exit == 0, "\(made.errors)")
    // With metadata that differ: another table.
    let edited = try Program(folder: folder.path).run(
      "edit", "q.gguf", "--set", "general.name=str:Another name", "-o", "e.gguf")
    #expect(edited.exit == 0, "\(edited.errors)")
    let compared = try Program(folder: folder.path).run(
      "compare", Program.checkpoint, "e.gguf", "--report", "page.html", "--force", "-q")
    #expect(compared.exit == 0, "\(compared.errors)")
    for (isDark, width) in [(false, 1280), (true, 1280), (false, 500), (true, 500)] {
      let found = try measured(folder.file("page.html"), isDark: isDark, width: width, folder)
      let name = "\(isDark ? "dark" : "light"), \(width): \(found)"
      #expect(found["failures"] == "" && found["loads"] == "0" && found["sorts"] == "true", "\(name)")
      #expect(found["wide"] == "0" && found["outside"] == "0" && found["cut"] == "0", "\(name)")
      #expect(found["squeezed"] == "0", "\(name)")
      #expect(found["paper"] == (isDark ? "rgb(15, 19, 24)" : "rgb(255, 255, 255)"), "\(name)")
      #expect(found["ink"] == (isDark ? "rgb(230, 237, 243)" : "rgb(27, 31, 36)"), "\(name)")
      let inks = (found["inks"] ?? "").split(separator: ";").map(String.init)
      #expect(inks.count >= 4 && !inks.contains(found["paper"] ?? "") && !inks.contains("rgb(0, 0, 0)"), "\(name)")
    }
  }
}
