/** How the reference looks: one column on a phone, contents at the side where there is room; light or dark as the reader's system is. */
export const STYLE = `
:root { color-scheme: light dark; --ink: #1b2430; --soft: #5b6878; --paper: #fbfcfd; --card: #fff; --line: #dfe5ec; --code: #f1f4f8;
  --accent: #0b6aa2; --get: #0b6aa2; --post: #1c7a45; --put: #8a5a00; --patch: #6b3fa0; --delete: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --ink: #e3e9f0; --soft: #97a5b5; --paper: #10151b; --card: #171e26; --line: #2a3440;
  --code: #1e2731; --accent: #6bb8e8; --get: #6bb8e8; --post: #66c48f; --put: #dcb05c; --patch: #bd9ceb; --delete: #f0877f; } }
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; color: var(--ink); background: var(--paper); font: 16px/1.55 system-ui, sans-serif; }
a { color: var(--accent); text-decoration: none; } a:hover { text-decoration: underline; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
.page { display: grid; grid-template-columns: 17rem minmax(0, 1fr); max-width: 84rem; margin: 0 auto; }
nav { position: sticky; top: 0; align-self: start; height: 100vh; overflow-y: auto; padding: 2rem 1rem 2rem 1.5rem; border-right: 1px solid var(--line); font-size: .875rem; }
nav h2 { margin: 1.3rem 0 .3rem; font-size: .75rem; letter-spacing: .06em; text-transform: uppercase; color: var(--soft); }
nav ul { margin: 0; padding: 0; list-style: none; } nav li a { display: block; padding: .16rem 0; color: var(--ink); }
nav .home { font-weight: 650; font-size: 1.05rem; color: var(--ink); }
nav summary { cursor: pointer; font-weight: 600; } nav details > summary { display: none; }
main { padding: 2rem 2.5rem 6rem; min-width: 0; }
h1 { margin: 0 0 .5rem; font-size: 2rem; line-height: 1.2; letter-spacing: -.015em; }
main > section > h2 { margin: 3.5rem 0 .25rem; font-size: 1.4rem; }
.lead { color: var(--soft); font-size: 1.05rem; max-width: 44rem; }
article { margin: 1.25rem 0; padding: 1.25rem 1.5rem 1.4rem; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
article h3 { margin: 0 0 .5rem; font-size: 1.1rem; } article h3 a { color: inherit; }
article h4 { margin: 1.25rem 0 .4rem; font-size: .8rem; letter-spacing: .05em; text-transform: uppercase; color: var(--soft); }
article p { max-width: 46rem; margin: .5rem 0; }
.route { font: 600 .9rem/1.5 ui-monospace, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.method { display: inline-block; min-width: 3.9rem; text-transform: uppercase; }
.get { color: var(--get); } .post { color: var(--post); } .put { color: var(--put); } .patch { color: var(--patch); } .delete { color: var(--delete); }
code { font: .875em ui-monospace, Menlo, Consolas, monospace; background: var(--code); border-radius: 4px; padding: .1em .3em; overflow-wrap: anywhere; }
pre { margin: .4rem 0; padding: .8rem 1rem; background: var(--code); border-radius: 8px; overflow-x: auto; font: .8125rem/1.5 ui-monospace, Menlo, Consolas, monospace; max-height: 26rem; }
dl { margin: 0; } dl > div { display: grid; grid-template-columns: minmax(9rem, 14rem) minmax(0, 1fr); gap: .25rem 1rem; padding: .4rem 0; border-top: 1px solid var(--line); }
dt { overflow-wrap: anywhere; } dt small { display: block; color: var(--soft); } dd { margin: 0; font-size: .9375rem; } dd p { margin: 0; }
article details { margin-top: .5rem; border-top: 1px solid var(--line); padding-top: .5rem; }
article summary { cursor: pointer; } summary .status { font: 600 .875rem ui-monospace, Menlo, Consolas, monospace; display: inline-block; min-width: 2.6rem; }
summary .what { color: var(--soft); }
article ul { padding-left: 1.1rem; margin: .4rem 0; font-size: .9375rem; } article li { margin: .2rem 0; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .875rem; width: 100%; } th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0; border-top: 1px solid var(--line); }
th { border-top: 0; color: var(--soft); font-weight: 600; }
@media (max-width: 54rem) { .page { display: block; } main { padding: 1.25rem 1rem 4rem; }
  nav { position: static; height: auto; max-height: 16rem; border-right: 0; border-bottom: 1px solid var(--line); padding: 1rem; }
  nav details > summary { display: list-item; } article { padding: 1rem; } dl > div { display: block; } h1 { font-size: 1.6rem; } }
@media print { nav { display: none; } .page { display: block; } article { break-inside: avoid; } }
`;
