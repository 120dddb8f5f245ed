-- The paper, in Typst's language: what style.typ and handout.typ define.

local LONG = 15 -- rows of a table that may go on, on another page

local function typst(code) return pandoc.RawBlock("typst", code) end
local function inline(code) return pandoc.RawInline("typst", code) end
local function quoted(text) return pandoc.json.encode(text) end

-- a formula of TeX without what only sets it
local function in_words(formula)
  local text, count = formula, 1
  for _, command in ipairs({ "math%a+", "text", "operatorname" }) do
    text = text:gsub("\\" .. command, "")
  end
  while count > 0 do
    text, count = text:gsub("\\[dt]?frac%s*(%b{})%s*(%b{})", function(above, below)
      return "(" .. above:sub(2, -2) .. ") / (" .. below:sub(2, -2) .. ")"
    end)
  end
  for _, command in ipairs({ "left", "right", "big", "Big", "quad", "qquad" }) do
    text = text:gsub("\\" .. command .. "%f[%A]", " ")
  end
  text = text:gsub("\\[,;:! ]", " "):gsub("&", " "):gsub("\\(%a+)", " %1 ")
  return (text:gsub("[{}\\]", ""):gsub("%s+", " "):gsub("^ ", ""):gsub(" $", ""))
end

local ELEMENTS = {
  Math = function(math)
    return { inline("#formula(" .. quoted(in_words(math.text)) .. ")["), math, inline("]") }
  end,
  Link = function(link) -- which Typst would begin a list with
    local first, space = link.content[1], link.content[2]
    if first and first.t == "Str" and first.text:match("^%d+%.$") and space then
      link.content[2] = pandoc.Str("\u{a0}")
      return link
    end
  end,
  Span = function(span) -- an anchor has no content that a label could follow
    if #span.content > 0 or span.identifier == "" then return end
    return inline("#metadata(none)#label(" .. quoted(span.identifier) .. ")")
  end,
  Image = function(image) -- pandoc would drop its alt text
    local alt = pandoc.utils.stringify(image.caption)
    return inline("#box(image(" .. quoted(image.src) .. ", alt: " .. quoted(alt) .. "))")
  end,
}

-- a title in bold, and what ends in a colon, stays on the page of the next block
local function leads_on(block)
  local last = block.t == "Para" and block.content[#block.content]
  return last and (#block.content == 1 and last.t == "Strong" or last.t == "Str" and last.text:match(":$"))
end

local function rows(found)
  local count = #found.head.rows
  for _, body in ipairs(found.bodies) do count = count + #body.body end
  return count
end

local function kept_together(blocks)
  local found = pandoc.Blocks({})
  for _, block in ipairs(blocks) do
    if leads_on(block) then
      block = pandoc.Div({ block }, { ["typst:sticky"] = "true" })
    elseif block.t == "Table" and rows(block) > LONG then
      found:insert(typst("#[#show figure: set block(breakable: true)"))
      found:insert(block)
      block = typst("]")
    end
    found:insert(block)
  end
  return found
end

local function figure(div)
  local image, caption = div.content[1].content[1], div.content[2]
  if image.t ~= "Image" then return div.content:walk(ELEMENTS) end -- it is elsewhere
  local alt = pandoc.utils.stringify(image.caption)
  local shown = quoted(image.src) .. ", " .. quoted(alt)
  if not caption then return { typst("#picture(" .. shown .. ")") } end
  local begin = "#figure-with(" .. shown .. ")["
  local below = pandoc.Div(caption.content:walk(ELEMENTS), { ["typst:text:size"] = "9pt" })
  return { typst(begin), below, typst("]") }
end

local function code(div)
  local text = div.content[1].text
  if div.classes[1] == "code" then
    return { typst("#cell(" .. quoted(div.attributes.name) .. ", " .. quoted(text) .. ")") }
  end
  return { typst("#source(" .. quoted(text) .. ")") }
end

local SHOW = { picture = figure, code = code, source = code, plain = code }
function SHOW.text(div) return kept_together(div.content:walk(ELEMENTS)) end
function SHOW.large(div)
  local image = div.content[2].content[1].content[1]
  local alt = pandoc.utils.stringify(image.caption)
  local blocks = div.content[1].content:walk(ELEMENTS)
  blocks:insert(typst("#large(" .. quoted(image.src) .. ", " .. quoted(alt) .. ")"))
  return blocks
end
function SHOW.words(div)
  local heading, small, large = table.unpack(div.content:map(function(part)
    return part.content:walk(ELEMENTS)
  end))
  heading:insert(typst("#words["))
  heading:extend(small)
  heading:insert(typst("]["))
  heading:extend(large)
  heading:insert(typst("]"))
  return heading
end
function SHOW.room() return { typst("#answer") } end

local function named(codes)
  local names = codes:map(function(div)
    local _, lines = div.content[1].text:gsub("\n", "")
    return div.attributes.name .. ", " .. (lines > 0 and lines + 1 .. " lines" or "1 line")
  end)
  return typst("#named(" .. quoted("In the notebook: " .. table.concat(names, "; ")) .. ")")
end

function Pandoc(document)
  local blocks, unprinted = pandoc.Blocks({}), pandoc.List()
  local function close()
    if #unprinted > 0 then blocks:insert(named(unprinted)) end
    unprinted = pandoc.List()
  end
  for _, div in ipairs(document.blocks) do
    if div.attributes.taught == "false" then
      unprinted:insert(div)
    else
      close()
      blocks:insert(typst("// " .. (div.attributes.cell or ""))) -- for errors
      blocks:extend(SHOW[div.classes[1]](div))
    end
  end
  close()
  document.blocks = blocks
  return document
end
