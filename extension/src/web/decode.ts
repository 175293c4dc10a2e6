/** The extension's message as the component takes it: with bytes. */
export function decoded(message: unknown): unknown {
  const told = message as { base64?: string } | null;
  if (typeof told?.base64 !== 'string') return message;
  const body = Uint8Array.from(atob(told.base64), (character) => character.charCodeAt(0)).buffer;
  return { ...told, body };
}
