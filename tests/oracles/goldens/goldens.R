# Goldens for random panels of many kinds and for the classic data sets.
#
#   Rscript tests/oracles/goldens/goldens.R             writes the panels and lme4.json beside this file
#   Rscript tests/oracles/goldens/goldens.R --check     does so in a temporary folder and compares with the committed numbers
#
# Needs r-cran-lme4, r-cran-pbkrtest, r-cran-nlme, r-cran-jsonlite. Predictors are divided by their standard deviation for
# the fits, as lme4's optimisers and pbkrtest lose digits otherwise, and the results are mapped back to the raw units.
suppressMessages({library(lme4); library(pbkrtest); library(jsonlite); library(tools)})

args <- commandArgs(FALSE)
here <- dirname(sub("^--file=", "", grep("^--file=", args, value = TRUE)[1]))
check <- "--check" %in% args
out <- if (check) tempfile("goldens") else here
dir.create(out, showWarnings = FALSE)

# ---- Panels -------------------------------------------------------------------------------------------------------------
media <- c("youtube", "facebook", "newspaper")
full <- "sales ~ week + youtube + facebook + newspaper"

draw <- function(seed, stores = 20, weeks = 10, sd0 = 1.5, sd1 = 0.02, rho = 0.3, shape = "balanced", id = function(k) k) {
  set.seed(seed)
  count <- switch(shape, balanced = rep(weeks, stores), unbalanced = sample(4:(2 * weeks), stores, TRUE),
                  tiny = ifelse(seq_len(stores) %% 3 == 0, sample(1:2, stores, TRUE), weeks))
  store <- rep(seq_len(stores), count)
  n <- length(store)
  d <- data.frame(store_id = id(store), week = unlist(lapply(count, seq_len)), youtube = round(runif(n, 0, 350), 2),
                  facebook = round(runif(n, 0, 60), 2), newspaper = round(rgamma(n, 2, scale = 18), 2))
  z0 <- rnorm(stores); z1 <- rho * z0 + sqrt(1 - rho^2) * rnorm(stores)
  more <- matrix(rnorm(2 * stores), stores) %*% diag(c(0.08, 0.03))
  level <- sd0 * z0[store] + sd1 * z1[store] * d$youtube + more[store, 1] * d$facebook + more[store, 2] * d$newspaper
  d$sales <- round(4 + 0.1 * d$week + 0.045 * d$youtube + 0.18 * d$facebook + level + rnorm(n, 0, 2), 4)
  d
}
plain <- function(...) {
  # As draw(), but no slope other than that of youtube varies.
  d <- draw(...)
  args <- list(...)
  set.seed(args[[1]] + 1000)
  keep <- d
  stores <- length(unique(d$store_id))
  store <- as.integer(factor(d$store_id, unique(d$store_id)))
  sd0 <- if (is.null(args$sd0)) 1.5 else args$sd0
  sd1 <- if (is.null(args$sd1)) 0.02 else args$sd1
  rho <- if (is.null(args$rho)) 0.3 else args$rho
  z0 <- rnorm(stores); z1 <- rho * z0 + sqrt(1 - rho^2) * rnorm(stores)
  keep$sales <- round(4 + 0.1 * d$week + 0.045 * d$youtube + 0.18 * d$facebook + sd0 * z0[store] + sd1 * z1[store] * d$youtube +
                        rnorm(nrow(d), 0, 2), 4)
  keep
}
placed <- function(seed, ..., city = 1.2, channel = 1.0) {
  # With stores in cities in regions, and sales channels crossed with them.
  d <- plain(seed, ...)
  set.seed(seed + 2000)
  store <- as.integer(factor(d$store_id, unique(d$store_id)))
  d$city <- paste0("city ", (store - 1) %/% 3 + 1)
  d$region <- paste0("region ", (store - 1) %/% 6 + 1)
  d$channel <- paste0("channel ", sample(1:5, nrow(d), TRUE))
  shift <- function(name, sd) { levels <- unique(d[[name]]); (sd * rnorm(length(levels)))[match(d[[name]], levels)] }
  d$sales <- round(d$sales + shift("city", city) + shift("region", city) + shift("channel", channel), 4)
  d
}
ri <- paste(full, "+ (1 | store_id)")
rs <- paste(full, "+ (1 + youtube | store_id)")
q3 <- paste(full, "+ (1 + youtube + facebook | store_id)")
q4 <- paste(full, "+ (1 + youtube + facebook + newspaper | store_id)")
code <- function(k) sprintf("S-%02d", 7 * k)
times <- function(d, ...) { by <- list(...); for (name in names(by)) d[[name]] <- d[[name]] * by[[name]]; d }

cases <- list()
add <- function(name, data, ...) cases[[name]] <<- list(data = data, formulas = c(...))
for (k in 1:4) add(sprintf("levels-%d", k), plain(k, stores = c(20, 12, 40, 8)[k], weeks = c(10, 8, 6, 20)[k], sd1 = 0), ri)
for (k in 1:6) add(sprintf("slopes-%d", k), plain(10 + k, stores = c(20, 12, 40, 8, 30, 16)[k], weeks = c(10, 8, 12, 20, 6, 16)[k]), rs, ri)
for (k in 1:3) add(sprintf("no-slope-variance-%d", k), plain(20 + k, sd1 = 0), rs)
for (k in 1:3) add(sprintf("no-variance-%d", k), plain(30 + k, sd0 = 0, sd1 = 0), rs, ri)
for (k in 1:2) add(sprintf("correlation-minus-one-%d", k), plain(40 + k, rho = -1), rs)
for (k in 1:2) add(sprintf("correlation-plus-one-%d", k), plain(50 + k, rho = 1), rs)
for (k in 1:3) add(sprintf("six-by-five-%d", k), plain(60 + k, stores = 6, weeks = 5), rs, ri)
add("two-hundred-stores", plain(70, stores = 200, weeks = 52), rs)
add("many-weeks", plain(71, stores = 10, weeks = 104), rs)
for (k in 1:3) add(sprintf("unbalanced-%d", k), plain(80 + k, shape = "unbalanced"), rs)
for (k in 1:3) add(sprintf("one-or-two-rows-%d", k), plain(90 + k, stores = 24, shape = "tiny"), rs)
add("large-levels", plain(100, sd0 = 60), rs)
add("dollars", times(plain(101), youtube = 1000), rs)
add("millions", times(plain(102), youtube = 1e-3, facebook = 1e-3), rs)
add("sales-shifted", within(plain(103), sales <- sales * 1e4 + 1e6), rs)
add("text-ids", plain(104, id = code), rs)
add("gaps-in-ids", plain(105, id = function(k) 1000 - 13 * k), rs)
for (k in 1:2) add(sprintf("three-effects-%d", k), draw(110 + k, stores = c(20, 30)[k], weeks = 12), q3)
for (k in 1:2) add(sprintf("four-effects-%d", k), draw(120 + k, stores = c(24, 40)[k], weeks = c(16, 10)[k]), q4)
for (k in 1:2) add(sprintf("uncorrelated-%d", k), plain(130 + k, rho = 0), paste(full, "+ (1 + youtube || store_id)"))
add("slope-alone", plain(140, sd0 = 0), paste(full, "+ (0 + youtube | store_id)"))
for (k in 1:2) add(sprintf("nested-%d", k), placed(150 + k, sd1 = 0, stores = 18, weeks = 6), paste(full, "+ (1 | city/store_id)"))
add("three-levels", placed(153, sd1 = 0, stores = 24, weeks = 5), paste(full, "+ (1 | region/city/store_id)"))
for (k in 1:2) add(sprintf("crossed-%d", k), placed(160 + k, sd1 = 0, stores = 15, weeks = 6), paste(full, "+ (1 | store_id) + (1 | channel)"))
add("crossed-slope", placed(163, stores = 12, weeks = 10), paste(full, "+ (1 + youtube | store_id) + (1 | channel)"))
add("nested-slope", placed(164, stores = 18, weeks = 8), paste(full, "+ (1 + youtube | city) + (1 | store_id)"))

text <- function(d, ...) { for (name in c(...)) d[[name]] <- as.character(d[[name]]); as.data.frame(d) }
add("sleepstudy", text(sleepstudy, "Subject"), "Reaction ~ Days + (Days | Subject)", "Reaction ~ Days + (Days || Subject)")
add("Dyestuff", Dyestuff, "Yield ~ 1 + (1 | Batch)")
add("Dyestuff2", Dyestuff2, "Yield ~ 1 + (1 | Batch)")
add("Penicillin", Penicillin, "diameter ~ 1 + (1 | plate) + (1 | sample)")
add("Pastes", Pastes[c("strength", "batch", "cask")], "strength ~ 1 + (1 | batch/cask)")
add("cake", text(cake[c("replicate", "recipe", "temp", "angle")], "recipe"), "angle ~ recipe * temp + (1 | recipe:replicate)")
nlme_data <- function(name, ...) text(as.data.frame(getExportedValue("nlme", name)), ...)
add("Machines", transform(nlme_data("Machines", "Machine", "Worker"), Worker = paste0("w", Worker)),
    "score ~ Machine + (1 | Worker) + (1 | Worker:Machine)", "score ~ Machine + (Machine | Worker)")
add("Oxboys", transform(nlme_data("Oxboys", "Subject"), Subject = paste0("boy ", Subject))[c("Subject", "age", "height")],
    "height ~ age + (age | Subject)")
add("Orthodont", nlme_data("Orthodont", "Subject", "Sex"), "distance ~ age * Sex + (age | Subject)")

# ---- Fits ---------------------------------------------------------------------------------------------------------------
lenient <- list(check.nobs.vs.nRE = "ignore", check.nobs.vs.nlev = "ignore", check.conv.singular = "ignore",
                check.conv.grad = "ignore", check.conv.hess = "ignore", calc.derivs = FALSE)
control <- function(optimizer, ...) do.call(lmerControl, c(list(optimizer = optimizer, optCtrl = list(...)), lenient))
controls <- list(control("bobyqa", rhoend = 1e-12, maxfun = 1e5), control("nloptwrap", ftol_abs = 1e-13, xtol_abs = 1e-11, maxeval = 1e5),
                 control("Nelder_Mead", FtolAbs = 1e-14, XtolRel = 1e-12, maxfun = 1e5))
criterion <- function(fit) if (isREML(fit)) REMLcrit(fit) else deviance(fit, REML = FALSE)
best <- function(formula, data, reml) {
  fits <- lapply(controls, function(ctl) suppressWarnings(suppressMessages(lmer(as.formula(formula), data, REML = reml, control = ctl))))
  fits[[which.min(sapply(fits, criterion))]]
}
exactly <- function(x) if (is.null(x)) NULL else sprintf("%.17g", as.numeric(x))

describe <- function(formula, data, reml) {
  numeric <- setdiff(names(data)[sapply(data, is.numeric)], all.vars(as.formula(formula))[1])
  groups <- unlist(lapply(findbars(as.formula(formula)), function(bar) all.vars(bar[[3]])))
  scales <- vapply(data[setdiff(numeric, groups)], sd, numeric(1))
  scaled <- data
  for (name in names(scales)) scaled[[name]] <- data[[name]] / scales[[name]]
  # An effect's unit is the product of those of the predictors in its name.
  unit <- function(effects) sapply(strsplit(effects, ":"), function(parts) prod(scales[intersect(parts, names(scales))]))
  fit <- best(formula, scaled, reml)
  fixed <- unit(names(fixef(fit)))
  free <- suppressWarnings(suppressMessages(lmer(as.formula(formula), data, REML = reml, devFunOnly = TRUE, control = controls[[1]])))
  blocks <- lapply(getME(fit, "cnms"), unit)
  factor_units <- unlist(lapply(blocks, function(u) { m <- matrix(u, length(u), length(u)); m[lower.tri(m, TRUE)] }))
  start <- unlist(lapply(blocks, function(u) { m <- 0.1 * diag(length(u)) + 0.4; m[lower.tri(m, TRUE)] })) / factor_units
  result <- list(
    formula = formula, reml = reml, criterion = exactly(criterion(fit) + if (reml) 2 * sum(log(fixed)) else 0),
    theta = exactly(getME(fit, "theta") / factor_units), fixed = exactly(fixef(fit) / fixed), sigma = exactly(sigma(fit)),
    singular = isSingular(fit), terms = names(blocks), sizes = unname(lengths(blocks)), at_theta = exactly(start), criterion_at_theta = exactly(free(start)))
  if (reml && nrow(data) <= 1100) {
    adjusted <- try(vcovAdj(fit), silent = TRUE)
    if (!inherits(adjusted, "try-error")) {
      result$kenward_roger <- list(
        se = exactly(sqrt(diag(as.matrix(adjusted))) / fixed),
        df = exactly(sapply(seq_along(fixed), function(k) Lb_ddf(as.numeric(seq_along(fixed) == k), vcov(fit), adjusted))))
    }
  }
  result
}

results <- list()
for (name in names(cases)) {
  file <- file.path(out, paste0(name, ".csv"))
  write.csv(cases[[name]]$data, file, row.names = FALSE, quote = FALSE)
  data <- read.csv(file, stringsAsFactors = TRUE)
  for (formula in cases[[name]]$formulas) for (reml in c(TRUE, FALSE)) {
    message(name, "  ", formula, if (reml) "  REML" else "  ML")
    results[[length(results) + 1]] <- c(list(panel = name, md5 = unname(md5sum(file))), describe(formula, data, reml))
  }
}
version <- function(package) as.character(packageVersion(package))
goldens <- list(
  provenance = list(R = R.version.string, lme4 = version("lme4"), pbkrtest = version("pbkrtest"), nlme = version("nlme"),
                    command = "Rscript tests/oracles/goldens/goldens.R"),
  fits = results)
writeLines(toJSON(goldens, auto_unbox = TRUE, pretty = TRUE, null = "null"), file.path(out, "lme4.json"))

# ---- Comparison with the committed numbers --------------------------------------------------------------------------------
if (check) {
  old <- fromJSON(file.path(here, "lme4.json"), simplifyVector = FALSE)$fits
  new <- fromJSON(file.path(out, "lme4.json"), simplifyVector = FALSE)$fits
  stopifnot(length(old) == length(new))
  worst <- 0
  for (k in seq_along(old)) {
    stopifnot(old[[k]]$panel == new[[k]]$panel, old[[k]]$md5 == new[[k]]$md5, old[[k]]$formula == new[[k]]$formula)
    for (field in c("criterion", "criterion_at_theta", "fixed", "sigma")) {
      a <- as.numeric(unlist(old[[k]][[field]])); b <- as.numeric(unlist(new[[k]][[field]]))
      worst <- max(worst, abs(a - b) / pmax(1, abs(a)))
    }
  }
  message(sprintf("%d fits made again; the largest difference is %.1e.", length(old), worst))
  quit(status = if (worst <= 1e-6) 0 else 1)
}
