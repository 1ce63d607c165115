# Golden conditional modes and their variances given the data, from lme4.
#
#   Rscript tests/oracles/modes.R > tests/oracles/modes.json
#
# Needs r-cran-lme4, r-cran-jsonlite.
suppressMessages({library(lme4); library(jsonlite)})
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1]))
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhobeg = 0.2, rhoend = 1e-12, maxfun = 1e6), calc.derivs = FALSE)
digits <- function(x) unname(lapply(asplit(as.matrix(x), 1), function(row) sprintf("%.17g", row)))

case <- function(panel, formula) {
  d <- read.csv(file.path(here, "goldens", paste0(panel, ".csv")))
  fit <- suppressMessages(lmer(as.formula(formula), d, control = control))
  modes <- ranef(fit, condVar = TRUE)
  factors <- lapply(names(modes), function(factor) {
    table <- modes[[factor]]
    post <- attr(table, "postVar")
    list(factor = factor, levels = row.names(table), effects = names(table), modes = digits(table),
         variances = lapply(seq_len(nrow(table)), function(j) digits(post[, , j])))
  })
  list(panel = panel, formula = formula, singular = isSingular(fit), factors = factors)
}
cases <- list(
  case("sleepstudy", "Reaction ~ Days + (Days | Subject)"),
  case("Dyestuff", "Yield ~ 1 + (1 | Batch)"),
  case("levels-1", "sales ~ week + youtube + facebook + newspaper + (1 | store_id)"),
  case("unbalanced-1", "sales ~ week + youtube + facebook + newspaper + (1 | store_id)"),
  case("Penicillin", "diameter ~ 1 + (1 | plate) + (1 | sample)"),
  case("Machines", "score ~ Machine + (1 | Worker) + (1 | Worker:Machine)"))
write(toJSON(list(provenance = list(R = R.version.string, lme4 = as.character(packageVersion("lme4")),
                                    command = "Rscript tests/oracles/modes.R > tests/oracles/modes.json"), cases = cases),
             auto_unbox = TRUE, pretty = TRUE), stdout())
