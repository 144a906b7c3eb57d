import { gitCredentials } from "../git/credentials.ts";
import { openSession, type Session, type SessionOptions } from "../release/session.ts";
import { createTargets } from "../targets/create.ts";
import { type CommonFlags, type Context, openContext } from "./context.ts";
import { credentialsOf } from "./credentials.ts";
import { runIdOf } from "./environment.ts";

/** Opens context and session for a command that is about a release that exists; `more` for one that goes on releasing. */
export async function openAbout(
  flags: CommonFlags,
  more: Partial<SessionOptions> = {},
): Promise<{ context: Context; open(more?: Partial<SessionOptions>): Promise<Session>; session: Session }> {
  const context = openContext(flags);
  const credentials = credentialsOf(context.environment);
  const open = (options: Partial<SessionOptions> = {}) =>
    openSession({
      dir: context.dir,
      flags: { tier: "staging" },
      io: context.io,
      gitEnv: gitCredentials(credentials.githubServerUrl ?? "https://github.com", credentials.githubToken),
      runId: runIdOf(context.environment),
      makeTargets: (config, resolved, repository, release) =>
        createTargets(config, resolved, credentials, repository, release),
      ...options,
    });
  try {
    return { context, open, session: await open(more) };
  } catch (thrown) {
    context.close();
    throw thrown;
  }
}
