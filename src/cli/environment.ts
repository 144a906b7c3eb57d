import { hostname } from "node:os";

/** What the process was started with: the only place (besides lib/exec.ts) that knows of environment variables. */
export interface Environment {
  variables: Record<string, string | undefined>;
  /** In CI nobody can answer a question. */
  ci: boolean;
  githubActions: boolean;
  stdoutIsTerminal: boolean;
  stderrIsTerminal: boolean;
  stdinIsTerminal: boolean;
}

export function readEnvironment(): Environment {
  const variables = process.env;
  return {
    variables,
    ci: truthy(variables.CI),
    githubActions: truthy(variables.GITHUB_ACTIONS),
    stdoutIsTerminal: process.stdout.isTTY === true,
    stderrIsTerminal: process.stderr.isTTY === true,
    stdinIsTerminal: process.stdin.isTTY === true,
  };
}

function truthy(value: string | undefined): boolean {
  return value !== undefined && value !== "" && value !== "0" && value.toLowerCase() !== "false";
}

/** Who takes a number, for the lock's message: the CI run's address, else machine and process. */
export function runIdOf({ variables }: Environment): string {
  if (variables.GITHUB_RUN_ID && variables.GITHUB_REPOSITORY) {
    const server = variables.GITHUB_SERVER_URL ?? "https://github.com";
    const attempt = variables.GITHUB_RUN_ATTEMPT ? `/attempts/${variables.GITHUB_RUN_ATTEMPT}` : "";
    return `${server}/${variables.GITHUB_REPOSITORY}/actions/runs/${variables.GITHUB_RUN_ID}${attempt}`;
  }
  return variables.CI_JOB_URL ?? `${hostname()}:${process.pid}`;
}

/** Who approves of a production release: TWOTIER_APPROVER, else on GitHub Actions who started (or restarted) the run. */
export function approverOf({ variables, githubActions }: Environment): string | undefined {
  const started = githubActions ? variables.GITHUB_TRIGGERING_ACTOR || variables.GITHUB_ACTOR : undefined;
  return variables.TWOTIER_APPROVER || started || undefined;
}
