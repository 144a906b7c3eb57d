import { globSync, readFileSync } from "node:fs";
import path from "node:path";
import { defineConfig } from "vitepress";

// docs/ as a site, through the link `pages`. `make docs` builds it, and fails where a link leads nowhere.

const docs = path.resolve(import.meta.dirname, "../pages");
const repository = "https://github.com/hanzoai/twotier";

/** Pages by subject, in reading order. What isn't named here comes last, so that no page is without a way to it. */
const subjects: Record<string, string[]> = {
  Start: ["index", "getting-started", "moving-from/*", "troubleshooting"],
  Releasing: ["configuration", "building", "promotion", "verify", "rollback", "doctor", "notifications"],
  "In CI": ["github-actions", "gitlab"],
  Targets: ["targets/*"],
  "Install scripts": ["installers", "hosting"],
  "How it works": ["architecture", "reliability", "faults", "errors", "building-twotier"],
};

const pages = globSync("**/*.md", { cwd: docs })
  .map((file) => file.replace(/\.md$/, ""))
  .sort();

/** The first heading, as plain text. */
function titleOf(page: string): string {
  const heading = /^# (.+)$/m.exec(readFileSync(path.join(docs, `${page}.md`), "utf8"));
  return (heading?.[1] ?? page).replace(/[`*]/g, "");
}

function sidebar() {
  const left = new Set(pages);
  const take = (pattern: string) => {
    const matches = pattern.endsWith("/*")
      ? pages.filter((page) => page.startsWith(pattern.slice(0, -1)))
      : pages.filter((page) => page === pattern);
    for (const page of matches) left.delete(page);
    return matches.map((page) => ({ text: titleOf(page), link: page === "index" ? "/" : `/${page}` }));
  };
  const groups = Object.entries(subjects).map(([text, patterns]) => ({ text, items: patterns.flatMap(take) }));
  const rest = [...left].flatMap(take);
  return [...groups, { text: "More", items: rest }].filter(({ items }) => items.length > 0);
}

export default defineConfig({
  title: "twotier",
  description: "Releases a polyglot repository in two tiers: every push a tested candidate, one step to production.",
  lang: "en",
  base: "/twotier/",
  srcDir: "pages",
  outDir: "./dist",
  cleanUrls: true,
  // Pages find this folder's node_modules by the path that leads through the link.
  vite: { resolve: { preserveSymlinks: true } },
  markdown: {
    config(md) {
      // Pages are Markdown and no Vue templates: `{{` means itself.
      for (const kind of ["text", "code_inline"] as const) {
        const inner = md.renderer.rules[kind] as NonNullable<(typeof md.renderer.rules)[typeof kind]>;
        md.renderer.rules[kind] = (...all) => inner(...all).replaceAll("{{", "&#123;&#123;");
      }
      // Files of the repository outside of docs/ are at GitHub.
      const inner = md.renderer.rules.link_open;
      md.renderer.rules.link_open = (tokens, index, options, env, self) => {
        const token = tokens[index];
        const href = token.attrGet("href") ?? "";
        const page = path.dirname(env.relativePath ?? "");
        const to = path.posix.join(page, href.replace(/[?#].*$/, ""));
        if (!/^[a-z]+:|^[/#]/i.test(href) && to.startsWith("../")) {
          token.attrSet("href", `${repository}/blob/main/${to.slice(3)}`);
        }
        return inner ? inner(tokens, index, options, env, self) : self.renderToken(tokens, index, options);
      };
    },
  },
  themeConfig: {
    sidebar: sidebar(),
    outline: [2, 3],
    search: { provider: "local" },
    socialLinks: [{ icon: "github", link: repository }],
    editLink: { pattern: `${repository}/edit/main/docs/:path` },
  },
});
