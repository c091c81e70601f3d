-- Health of an ArchitectureSearch in Argo CD: resource.customizations.health.evonas.dev_ArchitectureSearch.
-- Argo CD runs Lua 5.1 without its standard libraries.
local health = {status = "Progressing", message = "Waits for the operator"}
local status = obj.status
if status == nil or status.conditions == nil then
  return health
end
if status.observedGeneration ~= nil and status.observedGeneration < obj.metadata.generation then
  health.message = "The operator has not seen the latest change"
  return health
end
local conditions = {}
for _, condition in ipairs(status.conditions) do
  conditions[condition.type] = condition
end
local function holds(type, value)
  return conditions[type] ~= nil and conditions[type].status == value
end
local function say(type)
  local condition = conditions[type]
  if condition.message ~= nil and condition.message ~= "" then
    return condition.reason .. ": " .. condition.message
  end
  return condition.reason
end
if holds("Accepted", "False") then
  health.status = "Degraded"
  health.message = say("Accepted")
elseif holds("Failed", "True") then
  health.status = "Degraded"
  health.message = say("Failed")
elseif holds("Complete", "True") then
  health.status = "Healthy"
  health.message = say("Complete")
elseif holds("Suspended", "True") then
  health.status = "Suspended"
  health.message = "spec.suspend is true"
elseif conditions["Progressing"] ~= nil then
  health.message = say("Progressing")
end
return health
