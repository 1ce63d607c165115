# What lme4 prints for variance components and for tests of nested models, as lines of text.
#
#   Rscript tests/oracles/printed.R > tests/oracles/printed.json
#
# Needs r-cran-lme4, r-cran-jsonlite. The fits are those of bobyqa run to the end.
suppressMessages({library(lme4); library(jsonlite); library(tools)})
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1]))
golden <- function(name) file.path(here, "goldens", paste0(name, ".csv"))
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-12, maxfun = 1e6), check.conv.singular = "ignore",
                       check.conv.grad = "ignore", check.conv.hess = "ignore")
fitted <- function(formula, data, reml) {
  eval(bquote(suppressWarnings(lmer(.(as.formula(formula)), data, REML = .(reml), control = control))))
}
options(digits = 7, width = 120)

components <- function(name, formula) {
  fit <- fitted(formula, read.csv(golden(name)), TRUE)
  list(name = name, md5 = unname(md5sum(golden(name))), formula = formula,
       lines = capture.output(print(VarCorr(fit), comp = c("Variance", "Std.Dev."))))
}
tests <- function(name, ...) {
  data <- read.csv(golden(name))
  fits <- lapply(c(...), fitted, data, FALSE)
  lines <- capture.output(print(do.call(anova, c(fits, list(model.names = paste0("m", seq_along(fits))))), signif.stars = FALSE))
  list(name = name, md5 = unname(md5sum(golden(name))), formulas = c(...), lines = grep("^ +npar|^m[0-9]+ ", lines, value = TRUE))
}

full <- "sales ~ week + youtube + facebook + newspaper"
version <- function(package) as.character(packageVersion(package))
cat(toJSON(list(
  provenance = list(R = R.version.string, lme4 = version("lme4"), command = "Rscript tests/oracles/printed.R > tests/oracles/printed.json"),
  components = list(
    components("sleepstudy", "Reaction ~ Days + (Days | Subject)"),
    components("Pastes", "strength ~ 1 + (1 | batch) + (1 | batch:cask)"),
    components("Dyestuff2", "Yield ~ 1 + (1 | Batch)"),
    components("uncorrelated-1", paste(full, "+ (1 + youtube || store_id)")),
    components("three-effects-1", paste(full, "+ (1 + youtube + facebook | store_id)")),
    components("dollars", paste(full, "+ (1 | store_id)"))),
  tests = list(
    tests("sleepstudy", "Reaction ~ 1 + (1 | Subject)", "Reaction ~ Days + (1 | Subject)", "Reaction ~ Days + (Days | Subject)"),
    tests("slopes-1", paste(full, "+ (1 | store_id)"), paste(full, "+ (1 + youtube | store_id)")))
), auto_unbox = TRUE, pretty = TRUE), "\n")
