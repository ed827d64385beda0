/** The version of Ringway that this page was built with; vite.config.ts puts it in. */
declare const RINGWAY_VERSION: string;
export const pageVersion: string = RINGWAY_VERSION;
