/** All charts. What they are given is in props.ts. */
import "./charts.css";

export { Bands } from "./bands";
export { Cost } from "./cost";
export { Course } from "./course";
export { ImportanceBars as Importance } from "./importance";
export { LearningCurves, TrialCurve } from "./learning";
export { LineageTree } from "./lineage";
export { Parallel } from "./parallel";
export { Pareto } from "./pareto";
export { DecisionScatter } from "./scatter";
export { PolicyOverTime, PopulationShares } from "./shares";
export { Sparkline } from "./sparkline";
export { chosenDecisions, MAX_DECISIONS } from "./pure/importance";
export * from "./props";
