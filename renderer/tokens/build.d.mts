/** Both files as text, without writing them. */
export function buildTokens(): Promise<{ readonly css: string; readonly script: string }>;
