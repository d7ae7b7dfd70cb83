/**
 * Runs the body; when it throws, the ends of the named logs stand in the error, where the report of the test shows
 * them. Logs that were added already are not added again.
 */
export async function withLogs<T>(
  logs: Readonly<Record<string, () => string | Promise<string>>>,
  body: () => T | Promise<T>,
): Promise<T> {
  try {
    return await body();
  } catch (error) {
    let text = error instanceof Error ? (error.stack ?? error.message) : String(error);
    for (const [name, read] of Object.entries(logs)) {
      const title = `--- the log of ${name}\n`;
      if (text.includes(title)) continue;
      const lines = (await Promise.resolve().then(read).catch(String)).trimEnd().split('\n');
      text += `\n${title}${lines.slice(-60).join('\n')}`;
    }
    throw new Error(text, { cause: error });
  }
}
