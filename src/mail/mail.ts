/**
 * What a mail is to the rest of replyd: plain values that cross threads and processes. The parser (`message.ts`) makes
 * a Mail out of raw bytes, `reading.ts` makes a Reading out of a Mail. The words are those of RFC 5322 and RFC 5321:
 * fields stand in the header, the envelope came by SMTP.
 */

/** The envelope (RFC 5321). `mailFrom` is '' for the null reverse-path. Domains in lower-case ASCII (A-labels). */
export interface Envelope {
  readonly mailFrom: string;
  readonly rcptTo: readonly string[];
}

/** One address of a header field. `email` is never empty, its domain in lower-case A-labels; `name` may be ''. */
export interface Mailbox {
  readonly name: string;
  readonly email: string;
}

/** Bytes in memory, or in a file that belongs to whoever holds the value (and who unlinks or adopts it). */
export type Content = { readonly bytes: Uint8Array } | { readonly file: string };

/** A part of a mail that is kept as a file. `filename` is safe to show, never a path; never ''. */
export interface MailAttachment {
  readonly filename: string;
  readonly contentType: string;
  /** Bytes after transfer decoding. */
  readonly size: number;
  /** Lower-case hex. */
  readonly sha256: string;
  /** Without the angle brackets, or null. */
  readonly contentId: string | null;
  /** Its Content-Location, by which HTML may name it (RFC 2557). */
  readonly location?: string;
  /** Shown inside the HTML part (referenced by its `cid:` or location), not offered as a download. */
  readonly inline: boolean;
  readonly content: Content;
}

/** One header field. `name` in lower case, `value` unfolded, encoded words (RFC 2047) still in it. */
export interface HeaderField {
  readonly name: string;
  readonly value: string;
}

/** A parsed mail. Strings never hold NUL or lone surrogates. */
export interface Mail {
  readonly from: Mailbox | null;
  readonly sender: Mailbox | null;
  readonly replyTo: readonly Mailbox[];
  readonly to: readonly Mailbox[];
  readonly cc: readonly Mailbox[];
  /** Decoded, one line, '' when missing. */
  readonly subject: string;
  /** ISO 8601 in UTC, or null when missing or unreadable. */
  readonly date: string | null;
  /** Without angle brackets; null when missing. */
  readonly messageId: string | null;
  readonly inReplyTo: readonly string[];
  /** In the order of the field, without duplicates. */
  readonly references: readonly string[];
  /** The plain text for people, LF line ends; null when the mail has no such part. */
  readonly plain: string | null;
  /** The HTML as it came (hostile), decoded, pictures in `data:` addresses as attachments; null without such a part. */
  readonly html: string | null;
  readonly attachments: readonly MailAttachment[];
  /** All fields in their order, at most the first 500. */
  readonly headers: readonly HeaderField[];
  /** The lower-case media type of the whole mail with its parameters, e.g. of a multipart/report. */
  readonly contentType: { readonly type: string; readonly params: Readonly<Record<string, string>> };
  /** Bodies of message/delivery-status, message/disposition-notification and message/feedback-report parts, decoded. */
  readonly reports: readonly { readonly contentType: string; readonly body: string }[];
  /** The header block of a returned mail (text/rfc822-headers or message/rfc822 inside a report, or a mail that a big
   * provider's users complained of), or null. */
  readonly returnedHeaders: readonly HeaderField[] | null;
  readonly opened: readonly OpenedContainer[];
}

/**
 * A container in the mail whose content was read as if it stood in the mail itself. Outlook's winmail.dat says what its
 * message is; of a signed content nobody knows who signed it, because the signature is not verified.
 */
export type OpenedContainer = { readonly kind: 'winmail'; readonly messageClass: string } | { readonly kind: 'signed' };

/** The kinds of docs/contract.md that an incoming mail can have. */
export type MailKind = 'reply' | 'auto_reply' | 'bounce' | 'receipt' | 'complaint' | 'list';

/** One recipient's fields of a delivery status notification (RFC 3464) or receipt (RFC 8098). */
export interface ReportEntry {
  readonly recipient: string;
  readonly action: 'failed' | 'delayed' | 'delivered' | 'relayed' | 'expanded' | 'displayed' | 'complaint';
  /** Enhanced status code such as 5.1.1, or null where none was given. */
  readonly status: string | null;
  readonly diagnostic: string | null;
}

/** What replyd knows of the conversation, to find its own words in what a customer quotes. */
export interface KnownTexts {
  /** The addresses of ours that the mail came to, in lower case: what he quotes holds them, and bounces have their own. */
  readonly replyAddresses: readonly string[];
  /** Texts of the conversation's latest messages, newest first. */
  readonly texts: readonly string[];
}

/** A mail's body, split by authorship. Together the three parts hold every word of the body that was read. */
export interface ReplyText {
  /** What the person newly wrote. */
  readonly text: string;
  /** The history below or above it; '' when none. */
  readonly quotedText: string;
  /** Signature or device line; '' when none. */
  readonly signature: string;
  /** Which rule cut where, for `mail explain`: e.g. `quote: attribution line 4 ("On … wrote:")`. */
  readonly evidence: readonly string[];
}

/** What replyd understood of a mail: everything that goes into a message and needs no store. */
export interface Reading {
  readonly mail: Mail;
  readonly kind: MailKind;
  /** Why it is of this kind. */
  readonly evidence: readonly string[];
  readonly report: readonly ReportEntry[];
  /** Message-IDs of the mail of ours that a report is about, most reliable first, without angle brackets. */
  readonly reportedIds: readonly string[];
  readonly text: ReplyText;
  /** Sanitised for display, or null. */
  readonly html: string | null;
  /** What it holds, where its subject says that it was sent on; only where that was asked for (`forward.ts`). */
  readonly forward?: Forward;
}

/** A mail that somebody sent on by hand. */
export type Forward =
  /** It does not say beyond doubt whose mail it holds. */
  | { readonly kind: 'doubt'; readonly reason: string }
  | {
      readonly kind: 'one';
      /** The mail that was sent on; its `from` is never null. */
      readonly original: Reading;
      /** Which of the attachments it was; null: it stood in the body, and the attachments are its own. */
      readonly attached: number | null;
      /** What the forwarder wrote above it. */
      readonly words: Omit<ReplyText, 'evidence'>;
    };

/** Facts of the raw bytes that need no MIME parser, so they exist for an unreadable mail too. */
export interface RawFacts {
  readonly size: number;
  /** Of the raw bytes, lower-case hex. */
  readonly sha256: string;
  /** Two mails with the same key are the same mail (docs/contract.md section 2). Lower-case hex. */
  readonly contentKey: string;
  /** Number of Received fields. */
  readonly hops: number;
}

/** Where attachments go. */
export interface AttachmentKeeper {
  /** Reads the decoded bytes to their end and says where they are. */
  keep(content: Iterable<Uint8Array>): Promise<Content>;
}
