/** How long members stay, by the distributions that measurements of peer-to-peer systems report; all of one mean. */
import type { SeededEntropy } from "./random.ts";

type SessionLength = (meanMs: number, entropy: SeededEntropy) => number;

/** Weibull of shape 0.5 (Stutzbach and Rejaie, IMC 2006): many short sessions, a few long ones. Gamma(1 + 1/0.5) = 2. */
const WEIBULL_GAMMA = 2;
const PARETO_SHAPE = 1.5;
const LOG_NORMAL_SIGMA = 1;

export const SESSION_LENGTHS: Readonly<Record<string, SessionLength>> = {
  exponential: (meanMs, entropy) => -Math.log(1 - entropy.fraction()) * meanMs,
  weibull: (meanMs, entropy) => (meanMs / WEIBULL_GAMMA) * Math.log(1 - entropy.fraction()) ** 2,
  pareto: (meanMs, entropy) =>
    ((meanMs * (PARETO_SHAPE - 1)) / PARETO_SHAPE) * (1 - entropy.fraction()) ** (-1 / PARETO_SHAPE),
  "log-normal": (meanMs, entropy) => {
    const normal = Math.sqrt(-2 * Math.log(1 - entropy.fraction())) * Math.cos(2 * Math.PI * entropy.fraction());
    return meanMs * Math.exp(LOG_NORMAL_SIGMA * normal - LOG_NORMAL_SIGMA ** 2 / 2);
  },
};
