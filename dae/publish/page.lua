-- The page: figures with captions, code folded, tables that move by themselves.

local function html(code) return pandoc.RawBlock("html", code) end

local function escape(text)
  return (text:gsub("&", "&amp;"):gsub("<", "&lt;"):gsub('"', "&quot;"))
end

local SHOW = {}
function SHOW.picture(div)
  local caption = pandoc.Blocks({})
  for i = 2, #div.content do caption:extend(div.content[i].content) end
  return { pandoc.Figure({ div.content[1] }, { long = caption }) }
end
function SHOW.code(div)
  if div.attributes.taught == "true" then return div.content end
  local name = "<summary>Code: " .. escape(div.attributes.name) .. "</summary>"
  return { html("<details>" .. name), div.content[1], html("</details>") }
end
SHOW.source = SHOW.code

function Pandoc(document)
  local blocks = pandoc.Blocks({})
  for _, div in ipairs(document.blocks) do
    local show = SHOW[div.classes[1]]
    blocks:extend(show and show(div) or div.content)
  end
  document.blocks = blocks:walk({
    Table = function(found)
      local about = { { "tabindex", "0" }, { "role", "group" } } -- in this order
      return pandoc.Div({ found }, pandoc.Attr("", { "wide" }, about))
    end,
  })
  return document
end
