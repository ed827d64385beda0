/**
 * zod compiles its parsers with `new Function` where it may; the page's content security policy forbids that, so it is
 * told not to try. Import this before anything that parses.
 */
import * as z from "zod";

z.config({ jitless: true });
