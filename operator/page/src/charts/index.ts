/** All charts. What they are given is in props.ts. */
import "./charts.css";
import { Course as CourseChart } from "./course";
import { Hypervolume as HypervolumeChart } from "./hypervolume";
import { LearningCurves as LearningChart } from "./learning";
import { LineageTree as LineageChart } from "./lineage";
import { Parallel as ParallelChart } from "./parallel";
import { Pareto as ParetoChart } from "./pareto";
import { DecisionScatter as ScatterChart } from "./scatter";
import { PopulationShares as SharesChart } from "./shares";
import { inSight } from "./sight";

export const Course = inSight(CourseChart);
export const DecisionScatter = inSight(ScatterChart);
export const Hypervolume = inSight(HypervolumeChart);
export const LearningCurves = inSight(LearningChart);
export const LineageTree = inSight(LineageChart);
export const Parallel = inSight(ParallelChart);
export const Pareto = inSight(ParetoChart);
export const PopulationShares = inSight(SharesChart);
export { Bands } from "./bands";
export { Cost } from "./cost";
export { ImportanceBars as Importance } from "./importance";
export { TrialCurve } from "./learning";
export { PolicyOverTime } from "./shares";
export { Sparkline } from "./sparkline";
export { chosenDecisions, MAX_DECISIONS } from "./pure/importance";
export * from "./props";
