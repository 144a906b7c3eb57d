import { cacheRules, type SiteFile, siteFile } from "./files.ts";
import type { SiteInput } from "./input.ts";

/** Said of every file: browsers take the types as they are, and channel files may be read by other pages. */
const everywhere = { "X-Content-Type-Options": "nosniff", "Access-Control-Allow-Origin": "*" };

/** Addresses without `.sh` that show the same file. */
const short = [
  ["/install", "/install.sh"],
  ["/uninstall", "/uninstall.sh"],
  ["/staging", "/staging/install.sh"],
] as const;

/** Rules for hosts that serve the folder: each reads its own file and leaves the others alone. */
export function hostingFiles(input: SiteInput): SiteFile[] {
  return [
    siteFile("_headers", headers(), "minutes"),
    siteFile("_redirects", redirects(input), "minutes"),
    siteFile("vercel.json", vercel(input), "minutes"),
    siteFile("nginx.conf", nginx(input), "minutes"),
    // GitHub Pages builds a branch with Jekyll unless this is there; Jekyll leaves out names that begin with _.
    siteFile(".nojekyll", "", "minutes"),
  ];
}

const releases = ({ installer }: SiteInput) => `https://github.com/${installer.repository}/releases`;

/**
 * Netlify (docs.netlify.com/routing/headers) and Cloudflare Pages (developers.cloudflare.com/pages/configuration/headers).
 * Values of rules that match together are joined, so that no two of these say the same header of one address.
 */
function headers(): string {
  const block = (path: string, of: Record<string, string>) =>
    [path, ...Object.entries(of).map(([name, value]) => `  ${name}: ${value}`)].join("\n");
  const text = "text/plain; charset=utf-8";
  const blocks = [
    block("/*", everywhere),
    ...cacheRules.map(({ path, cache }) => block(path, { "Cache-Control": cache })),
    ...["/install.sh", "/uninstall.sh", "/staging/install.sh", "/v*"].map((path) =>
      block(path, { "Content-Type": text }),
    ),
  ];
  return `# Netlify and Cloudflare Pages read this file. Made by \`twotier generate site\`.\n${blocks.join("\n")}\n`;
}

/** docs.netlify.com/routing/redirects, developers.cloudflare.com/pages/configuration/redirects */
function redirects(input: SiteInput): string {
  const rows = [
    ...short.map(([from, to]) => [from, to, "200"]),
    ["/releases", releases(input), "302"],
    ["/download/*", `${releases(input)}/latest/download/:splat`, "302"],
  ];
  return `# Netlify and Cloudflare Pages read this file. Made by \`twotier generate site\`.\n${rows.map((row) => row.join(" ")).join("\n")}\n`;
}

/** vercel.com/docs/project-configuration; the first rewrite that matches counts, of headers all. */
function vercel(input: SiteInput): string {
  const list = (of: Record<string, string>) => Object.entries(of).map(([key, value]) => ({ key, value }));
  const source = (path: string) => path.replace(/^\/v\*$/, "/v:version(\\d.*)").replace(/\*$/, "(.*)");
  const document = {
    headers: [
      { source: "/(.*)", headers: list(everywhere) },
      ...cacheRules.map(({ path, cache }) => ({ source: source(path), headers: list({ "Cache-Control": cache }) })),
      { source: "/(.*)install.sh", headers: list({ "Content-Type": "text/plain; charset=utf-8" }) },
    ],
    rewrites: short.map(([from, to]) => ({ source: from, destination: to })),
    redirects: [
      { source: "/releases", destination: releases(input), permanent: false },
      { source: "/download/:file", destination: `${releases(input)}/latest/download/:file`, permanent: false },
    ],
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

/** Lines for a `server` block (nginx.org/en/docs/http/ngx_http_core_module.html#location). */
function nginx(input: SiteInput): string {
  const { host } = new URL(input.url);
  const add = Object.entries(everywhere).map(([name, value]) => `\tadd_header ${name} "${value}" always;`);
  // add_header of a location replaces those of the server: each location says all of them.
  const location = (match: string, ...lines: string[]) => [
    `location ${match} {`,
    ...lines.map((it) => `\t${it}`),
    ...add,
    "}",
  ];
  const cached = (cache: string) => `add_header Cache-Control "${cache}" always;`;
  const of = (path: string) => cacheRules.find((rule) => rule.path === path)?.cache ?? "";
  const plain = ["types { }", "default_type text/plain;", "charset utf-8;", "charset_types text/plain;"];
  const lines = [
    `# nginx: lines for the server block of ${host}. Made by \`twotier generate site\`.`,
    "#   server {",
    "#     listen 443 ssl;",
    `#     server_name ${host};`,
    `#     root /var/www/${host};`,
    `#     include /var/www/${host}/nginx.conf;`,
    "#   }",
    "index index.html;",
    ...location("= /", cached(of("/")), "try_files /index.html =404;"),
    ...location("= /index.html", cached(of("/"))),
    ...location("~ ^/(un)?install\\.sh$", ...plain, cached(of("/install.sh"))),
    ...location("= /staging/install.sh", ...plain, cached(of("/staging/install.sh"))),
    ...location("~ ^/v[0-9][^/]*/install\\.sh$", ...plain, cached(of("/v*"))),
    ...location("/channels/", "types { application/json json; text/plain txt; }", cached(of("/channels/*"))),
    ...short.map(([from, to]) => `location = ${from} { rewrite ^ ${to} last; }`),
    `location = /releases { return 302 ${releases(input)}; }`,
    `location ~ ^/download/([A-Za-z0-9._-]+)$ { return 302 ${releases(input)}/latest/download/$1; }`,
    "# Other hosts' files, and this one.",
    "location ~ ^/(nginx\\.conf|vercel\\.json|_headers|_redirects|\\.nojekyll)$ { return 404; }",
  ];
  return `${lines.join("\n")}\n`;
}
