/// The constant parts of the page.
enum PageStyle {
  static let style: StaticString = """
    :root{color-scheme:light dark;--ink:#1b1f24;--dim:#57606a;--paper:#fff;--soft:#f3f5f7;--line:#d0d7de;\
    --a:#2f6db5;--b:#c4601d;--hot:#b3261e;--good:#1a7f37}
    @media (prefers-color-scheme:dark){:root{--ink:#e6edf3;--dim:#9aa5b1;--paper:#0f1318;--soft:#181e25;\
    --line:#323b45;--a:#6ea8ec;--b:#f0975a;--hot:#ff7b72;--good:#57c26a}}
    body{margin:0 auto;padding:1.5rem;max-width:74rem;background:var(--paper);color:var(--ink);\
    font:15px/1.5 system-ui,sans-serif}
    h1{font-size:1.4rem;overflow-wrap:anywhere}h2{font-size:1.1rem;margin:2rem 0 .5rem}
    figure{margin:0 0 1.5rem}figcaption{margin-bottom:.5rem;color:var(--dim);overflow-wrap:anywhere}
    figcaption strong{color:var(--ink)}
    .scroll{overflow-x:auto}.pair{display:flex;flex-wrap:wrap;gap:1rem 1.5rem}
    table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:13px}
    th,td{padding:.25rem .6rem;border-bottom:1px solid var(--line);text-align:left;vertical-align:top;\
    white-space:nowrap}
    th{background:var(--soft)}.n{text-align:right}
    tbody th{background:none;font-weight:normal;white-space:normal;overflow-wrap:anywhere;min-width:13rem}
    td.wide{white-space:normal;overflow-wrap:anywhere;min-width:9rem;max-width:24rem}
    th button{all:unset;cursor:pointer;font-weight:bold}th button:focus-visible{outline:2px solid var(--a)}
    th[aria-sort=ascending] button::after{content:" ▲"}th[aria-sort=descending] button::after{content:" ▼"}
    dl{display:grid;grid-template-columns:max-content 1fr;gap:.2rem 1rem;margin:0}
    dt{color:var(--dim)}dd{margin:0;overflow-wrap:anywhere}
    .fails{color:var(--hot)}.holds{color:var(--good)}
    .key{display:inline-block;width:.8em;height:.8em;margin-right:.3em}.key.a{background:var(--a)}\
    .key.b{background:var(--b)}
    svg{font:12px system-ui,sans-serif;fill:var(--ink);max-width:100%;height:auto;min-width:44rem}
    .pair svg{flex:0 1 26rem;min-width:0}
    svg .bar,svg .a{fill:var(--a)}svg .b{fill:var(--b)}svg .hot{fill:var(--hot)}
    svg path.a{fill-opacity:.55}svg .outline{fill:none;stroke:var(--b);stroke-width:1.5}svg .error{fill:var(--dim)}
    svg .grid{stroke:var(--line)}
    svg .label,svg .right{text-anchor:end}svg .tick,svg .axis-middle{text-anchor:middle}
    svg .tick,svg .axis,svg .axis-middle,svg .left,svg .right{fill:var(--dim);font-size:11px}
    @media print{body{max-width:none;padding:0}.scroll{overflow:visible}}

    """

  /// Makes the heads of tables buttons that sort. Cells may carry their value in `data-v`. Without it the page is
  /// complete, in the order that the library chose.
  static let script: StaticString = """
    for(const table of document.querySelectorAll('table.sort')){
    const heads=[...table.tHead.rows[0].cells],body=table.tBodies[0];
    heads.forEach((head,column)=>{
    const button=document.createElement('button');button.type='button';button.append(...head.childNodes);
    head.append(button);
    button.onclick=()=>{
    const down=head.getAttribute('aria-sort')==='descending';
    for(const other of heads)other.removeAttribute('aria-sort');
    head.setAttribute('aria-sort',down?'ascending':'descending');
    const value=row=>{const cell=row.cells[column];return cell.dataset.v??cell.textContent};
    const rows=[...body.rows].sort((x,y)=>{
    const p=value(x),q=value(y),m=Number(p),n=Number(q);
    const order=Number.isNaN(m)||Number.isNaN(n)?(p<q?-1:p>q?1:0):m-n;
    return down?order:-order});
    body.append(...rows)}})}

    """
}
