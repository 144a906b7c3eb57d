import { diffGenerated, type GeneratedFile } from "../generate/files.ts";
import { installerFiles } from "../generate/installer/index.ts";
import { siteFiles, siteInput } from "../generate/site/index.ts";
import { mergeOwn, workflowFiles } from "../generate/workflow/index.ts";
import type { Found, Result, Subject } from "./types.ts";

interface Kind {
  /** As `twotier generate` calls it. */
  name: string;
  /** Its file that stands for the rest. */
  file: string;
  /** True where twotier.yaml says that it must be there. */
  wanted?: boolean;
  /** Text of the file that tells twotier's from a person's own. */
  mark: string;
  /** Where its files are, from the repository's root. */
  folder?: string;
  files(): GeneratedFile[] | Promise<GeneratedFile[]>;
}

/** Files that `twotier generate` writes: whether they are what twotier.yaml says now. */
export async function checkGenerated({
  config,
  resolved,
  tree,
  dir,
}: Pick<Subject, "config" | "resolved" | "tree" | "dir">): Promise<Result> {
  const workflow = (provider: "github" | "gitlab") => () =>
    mergeOwn(dir, workflowFiles(config, resolved, provider), { force: true });
  const kinds: Kind[] = [
    { name: "workflow", file: ".github/workflows/release.yml", mark: "# twotier:begin", files: workflow("github") },
    { name: "workflow --provider gitlab", file: ".gitlab-ci.yml", mark: "# twotier:begin", files: workflow("gitlab") },
    {
      name: "installer",
      file: "scripts/install.sh",
      // With a site the scripts are there, and needn't be in the repository too.
      wanted: config.installer !== null && config.targets.site === undefined,
      mark: "twotier generate installer",
      files: () => installerFiles(config, resolved),
    },
    {
      name: "site",
      file: "site/install.sh",
      mark: "twotier generate installer",
      folder: "site",
      files: () => siteFiles(siteInput(config, resolved)),
    },
  ];
  const looked = await Promise.all(
    kinds.map(async (kind): Promise<{ name: string; found: Found[] } | null> => {
      const text = await tree.read(kind.file);
      if (text === null && !kind.wanted) return null;
      if (text !== null && !text.includes(kind.mark)) return null;
      const files = await kind.files();
      const diff = await diffGenerated(`${dir}/${kind.folder ?? "."}`, files);
      return { name: kind.file, found: diff === "" ? [] : [drift(kind, text === null, diff)] };
    }),
  );
  const seen = looked.filter((one) => one !== null);
  return {
    found: seen.flatMap((one) => one.found),
    text: seen.length === 0 ? "there are none" : seen.map((one) => one.name).join(", "),
    skipped: seen.length === 0,
  };
}

function drift({ name, file }: Kind, missing: boolean, diff: string): Found {
  const lines = diff.split("\n").filter((line) => /^[-+](?![-+]{2} )/.test(line)).length;
  return {
    code: "drift",
    level: "warning",
    what: missing
      ? `${file} isn't there, and twotier.yaml has an installer`
      : `${file} isn't what twotier.yaml says: ${lines} lines differ`,
    remedy: `run \`twotier generate ${name}\`, and commit what it writes; \`--check\` shows the difference`,
  };
}
