/** A conversation's id, or its number within an account. */
export type ConversationRef = { readonly id: string } | { readonly account: string; readonly number: number };
