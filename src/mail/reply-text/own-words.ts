/** Words besides the addresses that clients put behind links, and besides what they put for pictures. */
export function hasOwnWords(text: string): boolean {
  return /\p{L}|\p{N}/u.test(withoutLinks(text));
}

/** Without what clients put behind links and for pictures. */
export function withoutLinks(text: string): string {
  if (!/[:@]/.test(text)) return text;
  return text.replace(
    /[<[(]\s*(?:https?:|mailto:|cid:|tel:|image:|callto:|file:)[^>\])]*[>\])]|https?:\S+|[<[(][^\s@<>[\]()]+@[^\s@<>[\]()]+[>\])]/gi,
    '',
  );
}
