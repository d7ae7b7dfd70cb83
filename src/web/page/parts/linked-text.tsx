/** Text as it was written, with its addresses as links. Everything is set as text. */
const ADDRESS = /https?:\/\/[^\s<>"'`\u0000-\u001f]{1,2000}/g;
/** Of these the address is free when it ends with them. */
const TAIL = /[.,;:!?)\]}>*_]+$/;

export function LinkedText({ text }: { readonly text: string }) {
  const parts = [];
  let from = 0;
  for (const match of text.matchAll(ADDRESS)) {
    const address = match[0].replace(TAIL, '');
    parts.push(text.slice(from, match.index));
    parts.push(
      <a href={address} target="_blank" rel="noopener noreferrer nofollow">
        {address}
      </a>,
    );
    from = match.index + address.length;
  }
  parts.push(text.slice(from));
  return <>{parts}</>;
}
