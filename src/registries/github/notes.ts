import { type Context, jsonBody, reply, repositoryOf, requireKeys, requireWrite } from "./context.ts";
import { latestRelease } from "./latest.ts";
import type { Repository } from "./store.ts";

/** Notes as GitHub generates them for a repository without pull requests: the link to the comparison. */
export function releaseNotes(
  context: Context,
  repository: Repository,
  tag: string,
  previous: string | undefined,
): { name: string; body: string } {
  const range = previous && previous !== tag ? `compare/${previous}...${tag}` : `commits/${tag}`;
  return { name: tag, body: `**Full Changelog**: ${context.web}/${repository.fullName}/${range}` };
}

/** `POST /repos/{owner}/{repo}/releases/generate-notes` */
export async function generateNotes(context: Context): Promise<void> {
  requireWrite(context);
  const repository = repositoryOf(context);
  const body = await jsonBody(context, { tag_name: "string", previous_tag_name: "string" });
  requireKeys(body, "tag_name");
  reply(
    context,
    200,
    releaseNotes(
      context,
      repository,
      body.tag_name as string,
      (body.previous_tag_name as string | undefined) ?? latestRelease(repository)?.tag,
    ),
  );
}
