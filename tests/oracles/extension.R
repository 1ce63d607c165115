# Golden answers of the extension assignment on the panel of cities, by lme4.
#
#   Rscript tests/oracles/extension.R > tests/oracles/extension.json
#
# Needs r-cran-lme4, r-cran-jsonlite. Predictors enter centred and in hundreds, so that the optimiser arrives; results are
# scaled back to the units of the panel.
suppressMessages({library(lme4); library(jsonlite); library(tools)})
here <- dirname(sub("^--file=", "", grep("^--file=", commandArgs(FALSE), value = TRUE)[1]))
path <- file.path(here, "..", "..", "solutions", "extension", "panel.csv")
d <- read.csv(path)
d$youtube_mean <- ave(d$youtube, d$store_id) / 100
d$youtube_within <- d$youtube / 100 - d$youtube_mean
d$youtube <- d$youtube / 100
control <- lmerControl(optimizer = "bobyqa", optCtrl = list(rhoend = 1e-12, maxfun = 1e6))
fitted <- function(formula, REML = TRUE) lmer(formula, d, REML = REML, control = control)
common <- sales ~ week + youtube + facebook + newspaper + (1 | city_id / store_id)
split <- sales ~ week + youtube_within + youtube_mean + facebook + newspaper + (1 | city_id / store_id)

nested <- fitted(common)
context <- fitted(split)
levels <- as.data.frame(VarCorr(nested))
variance <- setNames(as.list(levels$vcov), levels$grp)
new <- data.frame(week = max(d$week), youtube = mean(d$youtube), facebook = mean(d$facebook), newspaper = mean(d$newspaper))
x <- model.matrix(~ week + youtube + facebook + newspaper, new)
sales <- sort(tapply(d$sales, d$store_id, mean), decreasing = TRUE)
best <- d[d$store_id == as.integer(names(sales)[1]), ][1, ]
test <- anova(fitted(common, FALSE), fitted(split, FALSE))
weights <- c(0, 0, -1, 1, 0, 0)

answers <- list(
  var_city = variance[["city_id"]],
  var_store_in_city = variance[["store_id:city_id"]],
  var_within_store = variance[["Residual"]],
  slope_within = fixef(context)[["youtube_within"]] / 100,
  slope_between = fixef(context)[["youtube_mean"]] / 100,
  contextual_chi2 = test$Chisq[2],
  contextual_p = test[["Pr(>Chisq)"]][2],
  expected_new = drop(x %*% fixef(nested)),
  se_expected = sqrt(drop(x %*% as.matrix(vcov(nested)) %*% t(x))),
  expected_known = predict(nested, cbind(new, best[c("city_id", "store_id")]))[[1]],
  expected_in_city = predict(nested, cbind(new, best["city_id"]), re.form = ~ (1 | city_id))[[1]]
)
errors <- list(
  slope_within = sqrt(vcov(context)["youtube_within", "youtube_within"]) / 100,
  slope_between = sqrt(vcov(context)["youtube_mean", "youtube_mean"]) / 100,
  contextual_effect = sqrt(drop(weights %*% as.matrix(vcov(context)) %*% weights)) / 100
)
digits <- function(values) lapply(values, function(x) sprintf("%.17g", x))
cat(toJSON(list(
  provenance = list(R = R.version.string, lme4 = as.character(packageVersion("lme4")),
                    command = "Rscript tests/oracles/extension.R > tests/oracles/extension.json", md5 = unname(md5sum(path))),
  answers = digits(answers), errors = digits(errors)), auto_unbox = TRUE, pretty = TRUE), "\n")
