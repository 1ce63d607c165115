# F tests of whole terms, by lmerTest (type III, Satterthwaite) and pbkrtest (Kenward-Roger): writes terms.json beside this file.
#
#   Rscript tests/oracles/terms.R
#
# Needs r-cran-lme4, r-cran-lmertest, r-cran-pbkrtest, r-cran-jsonlite. The tables are those of goldens/ and, with
# weights and offsets, of weighted/; numeric predictors are of size one, as lmerTest differentiates by steps of fixed
# length. pbkrtest does not know of weights, so that of weighted fits there is Satterthwaite's test alone.
suppressMessages({library(lme4); library(lmerTest); library(pbkrtest); library(jsonlite); library(tools)})
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1]))
# As in a formula of ours.
C <- factor

models <- list(
  list("cake", "angle ~ recipe * C(temp) + (1 | replicate / recipe)"),
  list("Machines", "score ~ Machine + (Machine | Worker)"),
  list("Orthodont", "distance ~ Sex * I(age - 11) + (I(age - 11) | Subject)"),
  list("sleepstudy", "Reaction ~ C(Days) + (1 | Subject)"),
  list("unbalanced-1", "sales ~ C(week) + I(youtube / 100) + (1 | store_id)"),
  list("crossed-slope", "sales ~ channel * I(youtube / 100) + (I(youtube / 100) | store_id)"),
  list("nested-1", "sales ~ region * I(facebook / 10) + channel + (1 | city)"),
  list("table-03", "y ~ x + f + (1 | g) + (1 | h)", "w"),
  list("table-05", "y ~ x * f + offset(o) + (1 | g)", "w"),
  list("table-07", "y ~ f * h + x + offset(o) + (1 | g)"),
  list("table-12", "y ~ f + I(x^2) + offset(2 * o + e) + (1 | h)", "w"))
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-10, maxfun = 1e5))
exactly <- function(x) sprintf("%.17g", as.numeric(x))

tests <- lapply(models, function(model) {
  folder <- if (grepl("^table", model[[1]])) "weighted" else "goldens"
  file <- file.path(here, folder, paste0(model[[1]], ".csv"))
  panel <<- read.csv(file, stringsAsFactors = TRUE)
  weighted <- length(model) > 2
  panel$weight <<- if (weighted) panel[[model[[3]]]] else rep(1, nrow(panel))
  fit <- lmerTest::lmer(as.formula(model[[2]]), panel, weights = weight, control = control)
  table <- anova(fit)
  adjusted <- if (!weighted) lapply(lmerTest:::get_contrasts_type3(fit), function(L) KRmodcomp(fit, L)$test["Ftest", ])
  list(folder = folder, panel = model[[1]], weights = if (weighted) model[[3]] else NA, md5 = unname(md5sum(file)), formula = model[[2]], singular = isSingular(fit),
       terms = rownames(table), numerator_df = exactly(table$NumDF),
       satterthwaite = list(df = exactly(table$DenDF), f = exactly(table$`F value`), p = exactly(table$`Pr(>F)`)),
       kenward_roger = if (!weighted) list(df = exactly(sapply(adjusted, `[[`, "ddf")), f = exactly(sapply(adjusted, `[[`, "stat")),
                            p = exactly(sapply(adjusted, `[[`, "p.value"))))
})
version <- function(package) as.character(packageVersion(package))
provenance <- list(R = R.version.string, lme4 = version("lme4"), lmerTest = version("lmerTest"),
                   pbkrtest = version("pbkrtest"), command = "Rscript tests/oracles/terms.R")
writeLines(toJSON(list(provenance = provenance, tests = tests), auto_unbox = TRUE, pretty = TRUE), file.path(here, "terms.json"))
