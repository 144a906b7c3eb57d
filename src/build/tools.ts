import path from "node:path";
import type { Artifact } from "../config/types.ts";
import type { Finding } from "../core/target.ts";
import { asReleaseError, ReleaseError } from "../lib/errors.ts";
import { findBuilder } from "./dockerfile.ts";
import { findPython } from "./python.ts";
import { howToGet, programs } from "./run.ts";

/** A program that the builders will need. */
export interface RequiredTool {
  tool: "go" | "npm" | "node" | "python3" | "sh" | "buildah or docker buildx";
  /** For which artifacts, as a sentence. */
  why: string;
  /** How to install it. */
  get: string;
  /** The first artifact that needs it. */
  artifact: Artifact;
}

/** What building these artifacts needs: one entry a program (for Python one an artifact: each asks for its own modules). */
export function requiredTools(artifacts: readonly Artifact[]): RequiredTool[] {
  const needed = new Map<string, RequiredTool & { names: string[] }>();
  for (const artifact of artifacts) {
    for (const tool of toolsOf(artifact)) {
      const key = tool === "python3" ? `${tool} ${artifact.name}` : tool;
      const get = howToGet(tool === "buildah or docker buildx" ? "buildah" : tool);
      const entry = needed.get(key) ?? { tool, why: "", get, artifact, names: [] };
      entry.names.push(artifact.name);
      needed.set(key, entry);
    }
  }
  return [...needed.values()].map(({ names, ...entry }) => ({ ...entry, why: `to build ${names.join(", ")}` }));
}

function toolsOf(artifact: Artifact): RequiredTool["tool"][] {
  switch (artifact.type) {
    case "go":
      return ["go"];
    case "python":
      return ["python3"];
    case "npm":
      return artifact.script === null ? ["npm"] : ["npm", "node"];
    case "image":
      return artifact.dockerfile === null ? [] : ["buildah or docker buildx"];
    case "command":
      return ["sh"];
    case "go-module":
      return [];
  }
}

/** Which of them are missing here, for preflight: all at once. `tree` is a checkout, for what Python projects require. */
export async function checkTools(required: readonly RequiredTool[], tree?: string): Promise<Finding[]> {
  const findings = await Promise.all(
    required.map(async (needed): Promise<Finding[]> => {
      try {
        await check(needed, tree);
        return [];
      } catch (error) {
        const { code, message, facts, hint } = asReleaseError(error);
        if (code !== "TOOL_MISSING") throw error;
        const found = facts.found === undefined ? "" : ` (${facts.found})`;
        return [
          {
            level: "error",
            target: "tools",
            topic: "missing",
            message: `${message}${found}`,
            hint: hint ?? needed.get,
          },
        ];
      }
    }),
  );
  return findings.flat();
}

async function check(needed: RequiredTool, tree: string | undefined): Promise<void> {
  const { artifact, tool } = needed;
  if (tool === "buildah or docker buildx") await findBuilder(artifact.name);
  else if (artifact.type === "python") {
    const project = tree === undefined ? undefined : path.join(tree, artifact.dir);
    await findPython(artifact.name, project, artifact.isolated);
  } else if (programs(tool).length === 0) {
    throw new ReleaseError("TOOL_MISSING", `${tool} is needed ${needed.why}, and isn't on the PATH`, {
      hint: needed.get,
    });
  }
}
