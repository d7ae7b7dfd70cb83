/** Whether the contact is shown where there is no room for him beside the messages. */
import { signal } from '@preact/signals';

export const contactShown = signal(false);
