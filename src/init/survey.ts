import type { Tree } from "../config/types.ts";
import { surveyCargo } from "./cargo.ts";
import { linkerFlags, surveyGo } from "./go.ts";
import { readGoReleaser } from "./goreleaser.ts";
import { type ImageSurvey, pushedByWorkflows, surveyImages } from "./images.ts";
import { type NpmSurvey, surveyNpm } from "./npm.ts";
import { type OtherTool, readOtherTools } from "./others.ts";
import { surveyPython } from "./python.ts";
import type { Survey } from "./types.ts";

/** Everything that is in a repository and could be released, and what other tools say of it. */
export interface RepositorySurvey extends Survey {
  npm: Pick<NpmSurvey, "registry" | "restricted">;
  images: Pick<ImageSurvey, "registry">;
  tools: OtherTool[];
}

export async function surveyRepository(
  tree: Tree,
  files: readonly string[],
  about: { owner: string; name: string; product: string },
): Promise<RepositorySurvey> {
  const [npm, python, go, goreleaser, tools, workflows] = await Promise.all([
    surveyNpm(tree, files),
    surveyPython(tree, files),
    surveyGo(tree, files, about.product),
    readGoReleaser(tree, files, about.product),
    readOtherTools(tree, files),
    pushedByWorkflows(tree, files),
  ]);
  const cargo = await surveyCargo(
    tree,
    files,
    python.packages.map(({ artifact }) => artifact.dir ?? "."),
  );
  const seen = new Set<string>();
  for (const one of python.packages) {
    const { dir = "." } = one.artifact;
    const stamps = seen.has(dir) ? [] : cargo.stampsOf(dir);
    seen.add(dir);
    if (stamps.length > 0) one.stamps = [...(one.stamps ?? []), ...stamps];
  }
  const released = goreleaser !== null && goreleaser.packages.length > 0;
  if (released) {
    // GoReleaser's configuration says more of the commands than their sources do.
    go.packages = go.packages.filter(({ artifact }) => artifact.type !== "go");
    go.notes = [];
    for (const { artifact } of goreleaser.packages) {
      if (artifact.type !== "go" || artifact.ldflags !== undefined) continue;
      // GoReleaser sets main.version, commit and date by itself; go's linker says nothing where there are none.
      const module = go.modules.find(({ dir }) => dir === artifact.dir);
      artifact.ldflags = linkerFlags(module?.variables(artifact.package ?? ".") ?? []);
    }
  }
  const ignored = new Map(tools.flatMap((tool) => tool.ignored.map((name) => [name, tool.file] as const)));
  const silent = tools.find((tool) => !tool.npm);
  const leftOut = npm.packages.flatMap(({ registryName, manifest }) => {
    const by = ignored.get(registryName ?? "") ?? silent?.file;
    return by === undefined ? [] : [{ path: manifest, why: `${by} doesn't publish it` }];
  });
  const packages = npm.packages.filter(({ manifest }) => !leftOut.some((one) => one.path === manifest));
  const built = [...go.packages, ...(goreleaser?.packages ?? []), ...cargo.packages];
  const pushed = [...workflows, ...(goreleaser?.pushed ?? [])];
  const images = await surveyImages(tree, files, { ...about, binaries: built, pushed });
  const all: Survey[] = [go, ...(goreleaser ? [goreleaser] : []), cargo, images, python];
  return {
    packages: [...built, ...images.packages, ...python.packages, ...packages],
    leftOut: [...all, npm].flatMap((one) => one.leftOut).concat(leftOut),
    notes: [...all, npm]
      .flatMap((one) => one.notes)
      .concat(tools.flatMap(({ file, notes }) => notes.map((note) => `${file}: ${note}`))),
    stamps: [...all, npm].flatMap((one) => one.stamps).concat(tools.flatMap((tool) => tool.stamps)),
    ...{ npm, images, tools },
  };
}
