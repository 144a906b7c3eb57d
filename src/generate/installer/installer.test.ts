import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { needs, root, toolPath } from "../../../test/tools.ts";
import { parseConfig } from "../../config/parse.ts";
import type { ResolvedArtifacts } from "../../config/types.ts";
import { diffGenerated } from "../files.ts";
import { type InstallerInput, installerInput, installScript, uninstallScript } from "./index.ts";

const head = "name: playground\nrepository: hanzoai/playground\n";
const inputOf = (yaml: string): InstallerInput => {
  const config = parseConfig(head + yaml);
  return installerInput(config, { artifacts: config.artifacts as ResolvedArtifacts["artifacts"] });
};
const go = (name: string, more = "") => `  - {name: ${name}, type: go, package: ./cmd/x${more}}\n`;
const failure = (yaml: string) => {
  try {
    inputOf(yaml);
  } catch (thrown) {
    return thrown as Error & { code: string; hint: string };
  }
  throw new Error("nothing was wrong");
};

describe("what the scripts know", () => {
  test("comes from the configuration, with defaults", () => {
    const assets = Object.fromEntries(
      ["darwin-amd64", "darwin-arm64", "linux-amd64", "linux-arm64"].map((it) => [it, `playground-${it}`]),
    );
    expect(inputOf(`artifacts:\n${go("playground")}`)).toEqual({
      command: "playground",
      repository: "hanzoai/playground",
      root: "~/.hanzoai",
      scripts: "https://raw.githubusercontent.com/hanzoai/playground/HEAD/scripts",
      channels: null,
      tag: "v{version}",
      assets,
      static: true,
      minisign: null,
      attestations: false,
    });
  });

  test("ARM with its variant is what uname says, Windows is left out, cgo needs a C library", () => {
    const more = ", platforms: [linux/arm/v7, windows/amd64], env: {CGO_ENABLED: 1}";
    expect(inputOf(`artifacts:\n${go("playground", more)}`)).toMatchObject({
      assets: { "linux-armv7": "playground-linux-armv7" },
      static: false,
    });
  });

  test("files of a command artifact are taken by their names", () => {
    const files = "[out/playground-linux-amd64, playground-linux-amd64-musl, playground.txt, 'playground-darwin-*']";
    const yaml = `artifacts:\n  - {name: playground, type: command, run: make, files: ${files}}\n`;
    expect(inputOf(yaml).assets).toEqual({
      "linux-amd64": "playground-linux-amd64",
      "linux-amd64-musl": "playground-linux-amd64-musl",
    });
  });

  test("of several commands the one called like the product, or the one that is named", () => {
    const both = `artifacts:\n${go("playground")}${go("other")}`;
    expect(inputOf(both).command).toBe("playground");
    expect(inputOf(`${both}installer: {command: other}`).command).toBe("other");
    const neither = failure(`artifacts:\n${go("one")}${go("two")}`);
    expect(neither).toMatchObject({ code: "CONFIG" });
    expect(neither.hint).toContain("command: one");
    expect(failure(`artifacts:\n${go("one")}installer: {command: playgruond}`).message).toContain("playgruond");
  });

  test("without release assets there is nothing to install from", () => {
    expect(failure(`artifacts:\n${go("playground")}targets: {npm: true}`)).toMatchObject({ code: "CONFIG" });
  });
});

describe("the scripts", () => {
  const example = inputOf(`artifacts:\n${go("playground")}installer: {root: ~/.hanzo, url: https://hanzo.bot}`);

  test("of the example are what its configuration says", async () => {
    const dir = path.join(root, "examples/playground");
    const config = parseConfig(readFileSync(path.join(dir, "twotier.yaml"), "utf8"));
    const input = installerInput(config, { artifacts: config.artifacts as ResolvedArtifacts["artifacts"] });
    const files = [
      { path: "scripts/install.sh", text: installScript(input), executable: true },
      { path: "scripts/uninstall.sh", text: uninstallScript(input), executable: true },
    ];
    expect(await diffGenerated(dir, files)).toBe("");
  });

  const inputs: Record<string, InstallerInput> = {
    "of the example": example,
    "with odd names": {
      ...example,
      command: "7-zip.x",
      root: "/opt/it-s/here",
      tag: "it's $HOME `x`@{version}-final",
      minisign: "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3",
      attestations: true,
      static: false,
      channels: "https://hanzo.bot/channels",
    },
  };
  test.each(Object.entries(inputs))(
    "%s: nothing but the last line does anything, and it is one command",
    (_, input) => {
      for (const script of [
        installScript(input),
        installScript(input, { version: "0.1.28-rc.4" }),
        uninstallScript(input),
      ]) {
        const lines = script.trimEnd().split("\n");
        expect(lines.at(-1)).toBe('{ main "$@"; exit 0; }');
        const outside = lines.slice(0, -1).filter((line) => /^[^\s#})]/.test(line) && !/^[a-z_0-9]+\(\) \{/.test(line));
        expect(outside.filter((line) => !heredoc(script, line))).toEqual([]);
      }
    },
  );

  describe.skipIf(needs(["shellcheck"]))("by shellcheck", () => {
    test.each(Object.entries(inputs))("%s: no finding at all", (_, odd) => {
      // It also notes each $ between quotes that isn't to be expanded (SC2016).
      const input = { ...odd, tag: "it's@{version}" };
      for (const script of [installScript(input), installScript(input, { staging: true }), uninstallScript(input)]) {
        execFileSync(toolPath("shellcheck"), ["--shell=sh", "-"], { input: script });
      }
    });
  });

  test("a tag's odd characters are quoted in the script, and encoded in addresses", () => {
    const script = installScript(inputs["with odd names"] as InstallerInput);
    const shown = execFileSync(
      "sh",
      [
        "-c",
        `${script.replace('{ main "$@"; exit 0; }', "")}
      colours; verbose=''; settings; printf '%s|%s|%s' "$tag_prefix" "$tag_prefix_url" "$tag_suffix"`,
      ],
      { encoding: "utf8" },
    );
    expect(shown).toBe("it's $HOME `x`@|it's%20%24HOME%20%60x%60%40|-final");
  });

  const order = (versions: string[]) => {
    const script = installScript(example).replace('{ main "$@"; exit 0; }', "sort_versions");
    return execFileSync("sh", ["-c", script], { input: versions.join("\n"), encoding: "utf8" })
      .trim()
      .split("\n");
  };
  test("versions are ordered by number, and what is none is left out", () => {
    const sorted = [
      "0.1.9",
      "0.1.41-beta.900",
      "0.1.41-rc.9",
      "0.1.41-rc.278",
      "0.1.41-rc.392",
      "0.1.41",
      "0.2.0-rc.1",
      "10.0.0-rc.1",
    ];
    const strange = ["v.0.1.3", "0.1.41-rc.278.1", "0.1.0-rc02", "01.2.3", "1.2", "", "x 9.9.9", "9.9.9-RC.1"];
    expect(order([...strange, ...sorted.toReversed()])).toEqual(sorted);
  });
});

/** A line of a here-document isn't a command. */
function heredoc(script: string, line: string): boolean {
  return (
    [...script.matchAll(/<<END\n([\s\S]*?)\nEND$/gm)].some(
      ([, text = ""]) => text.split("\n").includes(line) || line === "END",
    ) || /^(?:\/g'|'|\$lines"|'\*\) usage| {2}\w)/.test(line)
  );
}
