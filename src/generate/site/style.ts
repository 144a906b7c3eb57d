/** The page's style. Colours have a contrast of at least 4.5 to 1 in both schemes (WCAG 2.2, 1.4.3). */
export const style = `
:root{--ink:#14151f;--soft:#565a70;--line:#dfe1ec;--ground:#f7f7fb;--card:#fff;--accent:#4f46e5;--accent-ink:#4338ca;--tint:#eef0ff;--warm:#92400e;--warm-tint:#fff3dc;--code:#12131c;--code-ink:#e9eaf6;--code-soft:#9aa0bf;--ok:#4ade80;--shadow:0 1px 2px #14151f0d,0 12px 32px -16px #14151f2e;--sans:ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif;--mono:ui-monospace,SFMono-Regular,"SF Mono",Menlo,Consolas,"Liberation Mono",monospace}
@media (prefers-color-scheme:dark){:root{--ink:#eef0fa;--soft:#a3a8c3;--line:#2a2c3d;--ground:#0d0e15;--card:#161823;--accent:#818cf8;--accent-ink:#a5b0ff;--tint:#222645;--warm:#fcd28a;--warm-tint:#35280f;--code:#090a10;--shadow:0 1px 0 #ffffff0a inset,0 16px 40px -20px #000}}
*{box-sizing:border-box}
html{-webkit-text-size-adjust:100%}
body{margin:0;color:var(--ink);background:var(--ground);background-image:radial-gradient(60rem 26rem at 50% -10rem,color-mix(in srgb,var(--accent) 16%,transparent),transparent);background-repeat:no-repeat;font:1rem/1.6 var(--sans);min-height:100vh}
header,main,footer{max-width:72rem;margin:0 auto;padding:0 1.25rem}
header{display:flex;justify-content:space-between;align-items:center;padding-top:1.25rem;padding-bottom:1.25rem}
.brand{display:flex;align-items:center;gap:.6rem;margin:0;font-weight:650;letter-spacing:-.01em}
.mark{display:grid;place-items:center;width:1.9rem;height:1.9rem;border-radius:.55rem;color:#fff;background:linear-gradient(140deg,#6366f1,#4338ca);font-size:1rem;font-weight:700}
nav{display:flex;gap:1.25rem}
a{color:var(--accent-ink);text-underline-offset:.2em;text-decoration-thickness:.07em}
nav a{color:var(--soft);text-decoration:none}
nav a:hover{color:var(--ink);text-decoration:underline}
h1{margin:2.6rem 0 0;font-size:clamp(2.1rem,6vw,3.4rem);line-height:1.08;letter-spacing:-.035em;font-weight:750}
h2{margin:0;font-size:1.3rem;letter-spacing:-.015em;line-height:1.3}
.lead{max-width:38rem;margin:1rem 0 0;font-size:1.15rem;color:var(--soft)}
:focus-visible{outline:3px solid var(--accent);outline-offset:2px;border-radius:.4rem}
.picker{margin:2.4rem 0 0;padding:0;border:0;min-width:0}
.picker legend{padding:0;font-size:.8rem;font-weight:650;letter-spacing:.06em;text-transform:uppercase;color:var(--soft)}
.choices{display:flex;flex-wrap:wrap;gap:.5rem;margin-top:.6rem}
.choices label{position:relative;cursor:pointer}
.choices input{position:absolute;inset:0;margin:0;opacity:0;cursor:pointer}
.choices label>span{display:block;padding:.5rem .95rem;border:1px solid var(--line);border-radius:.75rem;background:var(--card);transition:border-color .15s,background-color .15s}
.choices strong{font-weight:600}
.machine{color:var(--soft);font-size:.92em}
.choices label:hover>span{border-color:var(--accent)}
.choices input:checked+span{border-color:var(--accent);background:var(--tint);box-shadow:0 0 0 1px var(--accent)}
.choices input:focus-visible+span{outline:3px solid var(--accent);outline-offset:2px}
.hints{min-height:1.6rem;margin-top:.7rem;color:var(--soft);font-size:.95rem}
.hints p{margin:0}
.tiers{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,27rem),1fr));gap:1.25rem;margin-top:1.5rem}
.tier{display:flex;flex-direction:column;min-width:0;padding:1.5rem;border:1px solid var(--line);border-radius:1.1rem;background:var(--card);box-shadow:var(--shadow)}
.tier>p{margin:.6rem 0 0;color:var(--soft)}
.tier .command{margin-top:1.1rem}
.tier .command pre{padding:.85rem .25rem .85rem .85rem;font-size:.76rem}
.head{display:flex;align-items:center;gap:.6rem;flex-wrap:wrap}
.badge{padding:.1rem .6rem;border-radius:1rem;font-size:.78rem;font-weight:600;color:var(--accent-ink);background:var(--tint)}
.staging .badge{color:var(--warm);background:var(--warm-tint)}
.version{margin-left:auto;font:600 .85rem/1 var(--mono);color:var(--soft)}
.then code,.path{font-size:.92em}
code{font-family:var(--mono)}
.then code{color:var(--ink);font-weight:600}
.tier>.download{margin-top:auto;padding-top:.9rem;font-size:.92rem}
.command{position:relative;display:flex;align-items:stretch;min-width:0;border-radius:.75rem;background:var(--code);color:var(--code-ink);border:1px solid #ffffff14}
.command pre{flex:1;min-width:0;margin:0;padding:.85rem 1rem;white-space:pre-wrap;overflow-wrap:anywhere;font:500 .88rem/1.5 var(--mono)}
.command pre code::before{content:"$ ";color:var(--code-soft);user-select:none}
.command button{flex:none;align-self:center;margin:0 .5rem 0 0;padding:.4rem .7rem;border:1px solid #ffffff2b;border-radius:.5rem;color:var(--code-ink);background:#ffffff14;font:600 .8rem/1 var(--sans);cursor:pointer}
.command button:hover{background:#ffffff2b}
.command button.done{color:var(--ok);border-color:currentColor}
.command button[hidden]{display:none}
.packages,.notes{margin-top:3.2rem}
table{width:100%;margin-top:1rem;border-spacing:0;table-layout:fixed;border:1px solid var(--line);border-radius:1.1rem;background:var(--card);box-shadow:var(--shadow)}
th,td{padding:.7rem .9rem;text-align:left;vertical-align:middle}
thead th{font-size:.8rem;font-weight:650;letter-spacing:.06em;text-transform:uppercase;color:var(--soft)}
thead td{width:8rem}
tbody th,tbody td{border-top:1px solid var(--line)}
tbody th{font-weight:600;white-space:nowrap}
td .command pre{padding:.55rem .8rem;font-size:.83rem}
dl{margin:1rem 0 0;display:grid;gap:1.1rem}
dl>div{display:grid;grid-template-columns:11rem minmax(0,1fr);gap:.3rem 1.25rem;padding-top:1.1rem;border-top:1px solid var(--line)}
dt{font-weight:600}
dd{margin:0;min-width:0;color:var(--soft)}
dd p{margin:0 0 .6rem}
dd .command+.command{margin-top:.5rem}
footer{margin-top:3.5rem;padding-bottom:2.5rem;color:var(--soft);font-size:.92rem}
footer p{margin:0;padding-top:1.25rem;border-top:1px solid var(--line)}
.sr,.skip:not(:focus){position:absolute;width:1px;height:1px;margin:-1px;overflow:hidden;clip-path:inset(50%);white-space:nowrap}
.skip:focus{position:absolute;z-index:1;top:.5rem;left:.5rem;padding:.5rem .9rem;border-radius:.5rem;background:var(--card)}
@media (max-width:40rem){table,tbody,tr,tbody th,tbody td{display:block}thead{display:none}tbody tr{padding:.8rem 1rem}tbody tr+tr{border-top:1px solid var(--line)}tbody th,tbody td{padding:0;border:0}td:not(:empty){margin-top:.5rem}h1{margin-top:1.4rem}dl>div{grid-template-columns:minmax(0,1fr)}.tier{padding:1.15rem}.choices label{flex:1 1 9rem}}
@media (prefers-reduced-motion:reduce){*{transition:none!important}}
@media print{.command{border:1px solid #000;background:#fff;color:#000}.command button{display:none}}
`;
